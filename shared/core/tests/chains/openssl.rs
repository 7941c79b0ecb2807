//! Certificates that openssl makes: it knows more algorithms than any library of ours.

use std::{path::Path, process::Command};

/// A folder with a CA in it (`ca.key`, `ca.pem`).
pub(crate) struct Shop(tempfile::TempDir);

impl Shop {
    /// Makes a CA with a key by `genpkey` arguments, signing by `signing` arguments.
    pub(crate) fn new(genpkey: &str, signing: &str) -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        shop.run(&format!("genpkey {genpkey} -out ca.key"));
        shop.run(&format!(
            "req -x509 -new -key ca.key -subj /CN=Shop -days 30 {signing} -out ca.pem"
        ));
        shop.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out leaf.key");
        shop.run("req -new -key leaf.key -subj /CN=leaf -out leaf.csr");
        std::fs::write(shop.path().join("san"), "subjectAltName=DNS:www.example.com\n").unwrap();
        shop.run(&format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile san {signing} -out leaf.pem"
        ));
        shop
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn run(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        let made = command.args(arguments.split(' ').filter(|a| !a.is_empty()));
        let output = made.current_dir(self.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {said}");
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path().join(file)).unwrap()
    }

    pub(crate) fn chain(&self) -> String {
        self.read("leaf.pem") + &self.read("ca.pem")
    }
}
