//! A configuration file of any text: it has a report, whose places are in the text, and a file without errors means the same when
//! its defaults are written out.
#![no_main]

use attache::config::file::ConfigFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match ConfigFile::parse("attache.toml", text.as_bytes(), None) {
        Ok(file) => {
            let expanded = file.expanded();
            // A value that may be a secret is masked, and a mask is no value.
            if !expanded.contains("***") {
                let again = ConfigFile::parse("attache.toml", expanded.as_bytes(), None);
                let again = again.unwrap_or_else(|report| panic!("{report}"));
                assert_eq!(again.expanded(), expanded);
            }
        }
        Err(report) => {
            assert!(report.errors() > 0);
            let lines: Vec<&str> = text.split('\n').collect();
            for finding in report.findings() {
                let (Some(line), Some(column)) = (finding.line, finding.column) else { continue };
                assert!((1..=lines[line - 1].chars().count() + 1).contains(&column), "{finding}");
            }
        }
    }
});
