//! Certificates of a CA in memory, and what other people's tools say of files with keys.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A CA: a root and an intermediate, whose certificates this machine's tools can look at.
pub struct TestCa {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Default for TestCa {
    fn default() -> Self {
        let key = || KeyPair::generate().expect("a key");
        let root = CertifiedIssuer::self_signed(ca("Test Root"), key()).expect("a root");
        let intermediate = CertifiedIssuer::signed_by(ca("Test Intermediate"), key(), &root).expect("signed");
        Self { root, intermediate }
    }
}

impl TestCa {
    /// A certificate for `key` that is valid for the years given, alone.
    #[must_use]
    pub fn leaf(&self, key: &KeyPair, names: &[&str], years: (i32, i32)) -> String {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        params.signed_by(key, &self.intermediate).expect("signed").pem()
    }

    /// A certificate for `key` with whatever is in it, alone.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn sign(&self, params: CertificateParams, key: &KeyPair) -> Result<String, rcgen::Error> {
        params
            .signed_by(key, &self.intermediate)
            .map(|certificate| certificate.pem())
    }

    /// The certificate and its intermediate.
    #[must_use]
    pub fn chain(&self, key: &KeyPair, names: &[&str]) -> String {
        format!(
            "{}{}",
            self.leaf(key, names, (2024, 2040)),
            self.intermediate.pem()
        )
    }

    /// The intermediate's certificate.
    #[must_use]
    pub fn intermediate(&self) -> String {
        self.intermediate.pem()
    }

    /// The root's certificate.
    #[must_use]
    pub fn root(&self) -> String {
        self.root.pem()
    }
}

/// A folder for one test, removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("certmint-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// Writes a file; returns its path.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("written");
        path.display().to_string()
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a program said.
///
/// # Panics
/// If it cannot be run or fails.
#[must_use]
pub fn run(program: &str, args: &[&str]) -> String {
    let output = attempt(program, args);
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The same for one that may fail.
///
/// # Panics
/// If it cannot be run.
#[must_use]
pub fn attempt(program: &str, args: &[&str]) -> Output {
    Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"))
}
