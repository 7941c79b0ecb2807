//! `docs/faults.md` names tests that exist.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

/// All Rust sources that may hold a named test.
fn sources(root: &Path) -> Vec<(String, String)> {
    [
        "tests/tests",
        "tests/tests/api",
        "tests/tests/table",
        "shared/core/tests",
        "shared/src/store/dynamo",
    ]
    .iter()
    .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
    .map(|entry| entry.unwrap().path())
    .filter(|path| path.extension().is_some_and(|e| e == "rs"))
    .map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).unwrap())
    })
    .collect()
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
