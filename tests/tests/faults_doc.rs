//! `docs/faults.md` names tests that exist.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

/// All Rust sources that may hold a named test; those in a folder go by their own name or the folder's.
fn sources(root: &Path) -> Vec<(String, String)> {
    let folders = [
        "infra/stack/src",
        "tests/tests",
        "tests/src",
        "shared/core/tests",
        "shared/core/src",
        "shared/src/store/dynamo",
        "shared/src/worker",
    ];
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let in_folder = |path: &Path| {
        let entries = fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let mut found = vec![];
    for path in folders.iter().flat_map(|folder| in_folder(&root.join(folder))) {
        let files = if path.is_dir() {
            in_folder(&path)
        } else {
            vec![path.clone()]
        };
        for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "rs")) {
            let source = fs::read_to_string(file).unwrap();
            found.push((name(&path), source.clone()));
            found.push((name(file), source));
        }
    }
    found
}

#[test]
fn each_fault_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/faults.md")).unwrap();
    let sources = sources(&root);
    let mut count = 0;
    for name in page.split('`').filter(|part| part.contains("::")) {
        let (file, test) = name.split_once("::").unwrap();
        let exists = sources
            .iter()
            .any(|(stem, text)| stem == file && text.contains(&format!("fn {test}(")));
        assert!(exists, "docs/faults.md names {name}");
        count += 1;
    }
    assert!(count > 40, "only {count} tests are named");
}
