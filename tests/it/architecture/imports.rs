//! The graph of imports: between the parts of `src`, and between the files of each folder. It has no cycle, and each part
//! imports what its line of ARCHITECTURE.md says.
//!
//! `cargo test --test it imports -- --nocapture` prints both graphs.

use super::sources::{Source, read, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// For each node, the nodes that it imports.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_part_imports_one_that_imports_it() {
    let mut graph = Graph::new();
    for (file, imported) in files() {
        let targets = graph.entry(part(&file).to_owned()).or_default();
        targets
            .extend(imported.iter().map(|file| part(file).to_owned()).filter(|other| other != part(&file)));
    }
    assert!(graph.len() > 15, "{} parts were read", graph.len());
    print("src", &graph);
    assert_eq!(cycle(&graph), None, "these parts import each other");
}

#[test]
fn no_file_imports_a_neighbour_that_imports_it() {
    let files = files();
    let folders: BTreeSet<&str> = files.keys().filter_map(|file| Some(file.rsplit_once('/')?.0)).collect();
    assert!(folders.len() > 10, "{} folders were read", folders.len());
    for folder in folders {
        let mut graph = Graph::new();
        for (file, imported) in &files {
            let Some(child) = child(file, folder) else { continue };
            let neighbours = imported.iter().filter_map(|file| self::child(file, folder));
            let targets = graph.entry(child.to_owned()).or_default();
            targets.extend(neighbours.filter(|other| *other != child).map(str::to_owned));
        }
        print(folder, &graph);
        assert_eq!(cycle(&graph), None, "these of src/{folder} import each other");
    }
}

#[test]
fn each_part_imports_what_the_document_says() {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, imported) in files() {
        let others = imported.iter().map(|file| part(file).to_owned()).filter(|other| other != part(&file));
        graph.entry(part(&file).to_owned()).or_default().extend(others);
    }
    let document = read(Path::new("ARCHITECTURE.md"));
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let mut told = BTreeSet::new();
    for (name, rest) in rows {
        let name = name.trim_end_matches('/').trim_end_matches(".rs");
        let imports = rest.rsplit('|').nth(1).unwrap_or_default();
        let imports_all = imports.trim() == "everything";
        let imports: BTreeSet<String> = imports.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let found = graph.get(name).unwrap_or_else(|| panic!("{name} is no part of src any more"));
        if !imports_all {
            assert_eq!(&imports, found, "what ARCHITECTURE.md says of {name}, and what {name} imports");
        }
        told.insert(name.to_owned());
    }
    let parts: BTreeSet<String> =
        graph.into_keys().filter(|part| !["lib", "main"].contains(&part.as_str())).collect();
    assert_eq!(told, parts, "the parts that ARCHITECTURE.md has a line for");
}

#[test]
fn a_cycle_is_found_with_its_path() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    };
    assert_eq!(cycle(&graph(&[("a", "b"), ("a", "c"), ("b", "c")])), None);
    let path = cycle(&graph(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")]));
    assert_eq!(path.unwrap(), "b -> c -> d -> b");
}

#[test]
fn each_way_to_write_an_import_is_read() {
    let of =
        |code: &str| paths(code, &["proxy".to_owned(), "pool".to_owned()]).into_iter().collect::<Vec<_>>();
    assert_eq!(of("use super::heard::Heard;"), ["proxy/heard/Heard"]);
    assert_eq!(
        of("use crate::credential::{cache::CredentialCache, settings};"),
        ["credential/cache/CredentialCache", "credential/settings"]
    );
    assert_eq!(of("fn f() { crate::clock::Clock::system() }"), ["clock/Clock/system"]);
    assert_eq!(of("mod part;\nuse part::Part;"), ["proxy/pool/part/Part"]);
    assert!(of("use std::fmt;").is_empty());
}

/// The part of `src` that a file belongs to: its folder, or the file itself.
fn part(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// The file or folder directly in `folder` that `file` is or is in.
fn child<'f>(file: &'f str, folder: &str) -> Option<&'f str> {
    let rest = file.strip_prefix(folder)?.strip_prefix('/')?;
    rest.split('/').next()
}

#[expect(clippy::print_stdout, reason = "a reader asks for the graphs with --nocapture")]
fn print(name: &str, graph: &Graph) {
    println!("{name}:");
    for (node, imported) in graph {
        println!("  {node} -> {}", imported.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    }
}

/// Each file of `src`, and the files that it imports.
fn files() -> Graph {
    let sources = sources();
    let modules: BTreeMap<String, &str> =
        sources.iter().map(|source| (module(&source.path).join("/"), source.path.as_str())).collect();
    let imports = |source: &Source| {
        let paths = paths(&source.code, &module(&source.path));
        let files = paths.iter().filter_map(|path| file_of(path, &modules));
        files.filter(|file| *file != source.path).map(str::to_owned).collect()
    };
    sources.iter().map(|source| (source.path.clone(), imports(source))).collect()
}

/// The module of a file, by its names from the root on.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|name| !["lib", "main"].contains(name)).map(str::to_owned).collect()
}

/// The file of the innermost module on a path.
fn file_of<'m>(path: &str, modules: &BTreeMap<String, &'m str>) -> Option<&'m str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.filter_map(|end| modules.get(&path[..end])).next_back().copied()
}

/// The paths, from the root on, that the code of a module names.
fn paths(code: &str, module: &[String]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    // A visibility names a module and imports nothing of it.
    let code = &code.replace("pub(in crate::", "pub(in ");
    let mut rest = code.as_str();
    while let Some(at) = rest.find("crate::").into_iter().chain(rest.find("super::")).min() {
        let start = if rest[at..].starts_with("crate::") {
            &[][..]
        } else {
            &module[..module.len().saturating_sub(1)]
        };
        rest = &rest[at + "crate::".len()..];
        expand(&mut paths, start, rest);
    }
    let own =
        code.lines().filter_map(|line| line.trim_start().trim_start_matches("pub ").strip_prefix("mod "));
    for name in own.filter_map(|line| line.strip_suffix(';')) {
        for (at, _) in code.match_indices(&format!("use {name}::")) {
            expand(&mut paths, module, &code[at + "use ".len()..]);
        }
    }
    paths
}

/// Adds the path at the beginning of `text`, or each of those within its braces.
fn expand(paths: &mut BTreeSet<String>, start: &[String], text: &str) {
    let name_end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(text.len());
    let mut path = start.to_vec();
    path.extend(
        text[..name_end].split("::").filter(|name| !name.is_empty() && *name != "self").map(str::to_owned),
    );
    match text[name_end..].strip_prefix('{').filter(|_| name_end == 0 || text[..name_end].ends_with("::")) {
        None => {
            paths.insert(path.join("/"));
        }
        Some(list) => {
            let mut depth = 0_i32;
            let inner = list.split(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth < 0
            });
            let inner = inner.into_iter().next().unwrap_or_default();
            let mut depth = 0_i32;
            let items = inner.split(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth == 0 && c == ','
            });
            for item in items.map(str::trim).filter(|item| !item.is_empty()) {
                expand(paths, &path, item);
            }
        }
    }
}

/// A cycle of the graph, as the path from a node back to itself.
fn cycle(graph: &Graph) -> Option<String> {
    let mut finished = BTreeSet::new();
    graph.keys().find_map(|node| cycle_from(node, graph, &mut Vec::new(), &mut finished))
}

fn cycle_from<'g>(
    node: &'g str,
    graph: &'g Graph,
    path: &mut Vec<&'g str>,
    finished: &mut BTreeSet<&'g str>,
) -> Option<String> {
    if let Some(at) = path.iter().position(|known| *known == node) {
        return Some([&path[at..], &[node]].concat().join(" -> "));
    }
    if finished.contains(node) {
        return None;
    }
    path.push(node);
    let targets = graph.get(node).into_iter().flatten();
    let found = targets.into_iter().find_map(|next| cycle_from(next, graph, path, finished));
    path.pop();
    finished.insert(node);
    found
}
