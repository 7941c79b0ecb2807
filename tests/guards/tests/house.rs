//! The rules of the house, and that each guard bites.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, path::Path, process::Command};

use certmint_guards::{
    calls::Adapter,
    circles::circles,
    files::{MAX_LINES, all, root, too_long},
    modules::Crate,
    pure::impure,
};

/// The roots of the crates that have no circles.
const CRATES: [&str; 7] = [
    "shared/core/src/lib.rs",
    "shared/src/lib.rs",
    "functions/api/src/main.rs",
    "functions/worker/src/main.rs",
    "functions/dns-cleanup/src/main.rs",
    "infra/stack/src/lib.rs",
    "infra/stack/src/main.rs",
];

#[test]
fn imports_run_one_way() {
    let found: Vec<String> = CRATES
        .iter()
        .flat_map(|lib| circles(&Crate::read(&root().join(lib))))
        .collect();
    assert!(found.is_empty(), "{} circles:\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_file_is_one_job() {
    let files = all(&root());
    assert!(files.len() > 200, "{} files are not the project", files.len());
    let found = too_long(&files);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn core_is_pure() {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let core = packages.iter().find(|p| p["name"] == "certmint-core").unwrap();
    let normal = core["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|d| d["kind"].is_null());
    let direct: Vec<String> = normal.map(|d| d["name"].as_str().unwrap().to_owned()).collect();
    assert!(!direct.is_empty());
    let tree = [
        "tree",
        "-p",
        "certmint-core",
        "-e",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--locked",
    ];
    let tree = cargo(&tree);
    let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let all: Vec<String> = tree.lines().filter_map(name).collect();
    assert!(all.len() > direct.len());
    let found = impure(&direct, &all);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A crate of these files.
fn sample(files: &[(&str, &str)]) -> (tempfile::TempDir, Crate) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let read = Crate::read(&folder.path().join("lib.rs"));
    (folder, read)
}

fn count(files: &[(&str, &str)]) -> usize {
    circles(&sample(files).1).len()
}

#[test]
fn a_circle_is_found() {
    let (folder, read) = sample(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B(Box<super::c::C>);"),
        ("c.rs", "use super::a; pub struct C(a::A);"),
    ]);
    let file = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(
        circles(&read),
        [format!(
            "{}\n    uses B of {}\n    uses super::c::C of {}\n    uses a::A of {}",
            file("a.rs"),
            file("b.rs"),
            file("c.rs"),
            file("a.rs")
        )]
    );
}

#[test]
fn a_circle_through_a_facade_is_found() {
    // b takes from a through the re-export of x/mod.rs, by a rename and a glob.
    let facade = "mod a; mod b; pub use self::a::A; pub use self::b::B as Other;";
    let a = "use super::Other; pub struct A(Other);";
    let b = |import: &str| format!("{import} pub struct B(Option<Box<A>>);");
    for import in [
        "use super::A;",
        "use crate::x::A;",
        "use crate::A;",
        "use super::*;",
        "use crate::x::{self as y}; use y::A;",
    ] {
        let b = b(import);
        let files = [
            ("lib.rs", "mod x; pub use x::*;"),
            ("x/mod.rs", facade),
            ("x/a.rs", a),
            ("x/b.rs", &b),
        ];
        assert_eq!(count(&files), 1, "{import}");
    }
}

#[test]
fn a_circle_in_macros_bodies_and_made_names_is_found() {
    let lib = ("lib.rs", "mod a; mod b;");
    let b = (
        "b.rs",
        "use crate::a::A; pub const B: usize = 1; pub fn f(_: A) {}",
    );
    for a in [
        "pub struct A; pub fn g() { println!(\"{}\", crate::b::B) }",
        "pub struct A; pub fn g() { use crate::b::B; drop(B) }",
        "macro_rules! ids { ($n:ident) => { pub struct $n; } } ids!(A); const C: usize = super::b::B;",
        "pub mod inner { use super::super::b::B; pub const C: usize = B; } pub struct A;",
    ] {
        assert_eq!(count(&[lib, ("a.rs", a), b]), 1, "{a}");
    }
}

#[test]
fn what_is_no_circle_is_not_found() {
    // A facade that defines what its parts use, tests that look back, names of other crates, siblings.
    let files = [
        ("lib.rs", "mod x; mod time;"),
        (
            "x/mod.rs",
            "mod a; mod b; pub use a::A; pub struct Error; #[cfg(test)] mod tests;",
        ),
        (
            "x/a.rs",
            "use super::Error; pub struct A(Error); #[cfg(test)] mod tests { use crate::x::b::B; fn f(_: B) {} }",
        ),
        (
            "x/b.rs",
            "use super::{A, Error}; use time::Duration; pub struct B(A, Error, Duration);",
        ),
        ("x/tests.rs", "use super::*; fn f(_: b::B) {}"),
        ("time.rs", "use crate::x::A; pub struct Time(A);"),
    ];
    assert_eq!(circles(&sample(&files).1), [""; 0]);
}

#[test]
fn a_long_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = |lines: usize| {
        let path = folder.path().join(format!("{lines}.rs"));
        std::fs::write(&path, "// one\n".repeat(lines)).unwrap();
        path
    };
    let found = too_long(&[file(MAX_LINES), file(MAX_LINES + 1)]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("401.rs: 401 lines"), "{found:?}");
    assert!(Path::new(&root()).join("Cargo.lock").exists());
}

#[test]
fn an_impure_crate_is_found() {
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let good = names(&["serde", "sha2"]);
    assert_eq!(impure(&good, &names(&["serde", "sha2", "typenum"])), [""; 0]);
    let found = impure(&names(&["serde", "rand"]), &good);
    assert!(
        found.len() == 1 && found[0].contains("core depends on rand"),
        "{found:?}"
    );
    for bad in [
        "tokio",
        "async-trait",
        "futures-util",
        "hyper",
        "reqwest",
        "aws-sdk-kms",
        "aws-config",
        "hickory-net",
    ] {
        let found = impure(&good, &names(&["serde", bad]));
        assert!(found.len() == 1 && found[0].starts_with(bad), "{bad}: {found:?}");
    }
}

#[test]
fn calls_of_aws_are_found_where_they_are_reached() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adapter.rs");
    let text = "
        struct A { client: Client, table: String }
        impl A {
            fn one(&self) { self.client.get_item().send(); }
            fn put(&self, item: u8) { helper(self.client.clone(), self.table.clone(), item) }
        }
        fn helper(a: &A) { a.client.put_item() }
        impl T for A {
            fn reads(&self) { self.one() }
            fn writes(&self) { [1].map(|item| self.put(item)) }
            fn put(&self) { self.client.query() }
        }
        #[cfg(test)] mod tests { fn f(a: &A) { a.client.scan() } }";
    std::fs::write(&file, text).unwrap();
    let adapter = Adapter::read(&[file]);
    let names = |names: &[&str]| BTreeSet::from_iter(names.iter().map(|n| (*n).to_owned()));
    assert_eq!(adapter.operations(), names(&["get_item", "put_item", "query"]));
    let reached = |method: &str| {
        adapter
            .reached_from(&names(&[method]))
            .into_keys()
            .collect::<Vec<_>>()
    };
    assert_eq!(reached("reads"), ["get_item"]);
    assert_eq!(reached("writes"), ["put_item"]);
    assert_eq!(reached("put"), ["query"]);
}
