//! The sources, as the tests of the architecture read them.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of `src` without its comments and tests.
pub(super) struct Source {
    /// Relative to `src`, with slashes.
    pub(super) path: String,
    pub(super) code: String,
}

impl Source {
    /// The folder, or the file itself where it is in none.
    pub(super) fn part(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }
}

pub(super) fn sources() -> Vec<Source> {
    let is_code = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        !name.ends_with("_tests") && !name.starts_with("test_")
    };
    let files = rust_files(Path::new("src")).into_iter().filter(is_code);
    let sources = files.map(|path| {
        let text = read(&path);
        let code: Vec<&str> = without_tests(&text, &path).collect();
        let path = path.strip_prefix("src").unwrap().to_str().unwrap().replace('\\', "/");
        Source { path, code: code.join("\n") }
    });
    let sources: Vec<Source> = sources.collect();
    assert!(sources.len() > 50, "{} files were read", sources.len());
    sources
}

/// The lines of a file without comments and without the modules that only tests have.
fn without_tests<'t>(text: &'t str, path: &Path) -> impl Iterator<Item = &'t str> {
    let mut parts = text.split("#[cfg(test)]");
    let mut kept: Vec<&str> = parts.next().unwrap().lines().collect();
    for part in parts {
        let mut lines = part.lines().skip(1).skip_while(|line| line.starts_with("#["));
        let module = lines.next().unwrap();
        let known = ["mod tests;", "mod tests {"].contains(&module)
            || module.ends_with(';') && (module.starts_with("mod test_") || module.ends_with("_tests;"));
        assert!(known, "{} has code for tests only: {module}", path.display());
        if module.ends_with(';') {
            kept.extend(lines);
        }
    }
    kept.into_iter().filter(|line| !line.trim_start().starts_with("//"))
}

pub(super) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

pub(super) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
