//! An uploaded chain: DER certificates, each behind its length, and a key as PEM or DER.
#![no_main]

use certmint_core::{
    words::{DomainName, Timestamp},
    x509::{PrivateKey, certificate, chain, pem},
};
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;

const NOW: i64 = 1_796_000_000_000;

fuzz_target!(|data: &[u8]| {
    let mut text = String::new();
    let mut rest = data;
    while let [high, low, more @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(more.len());
        let (der, behind) = more.split_at(length);
        text.push_str(&pem::write("CERTIFICATE", der));
        rest = behind;
    }
    if let Ok(read) = chain::read_chain(&text, Timestamp::from_millis(NOW)) {
        for name in &read.dns_names {
            let _ = DomainName::read(name);
        }
        let stored = format!("{}{}", read.checked.cert_pem, read.checked.chain_pem);
        let again = chain::read_chain(&stored, Timestamp::from_millis(NOW)).unwrap();
        assert_eq!(again.checked, read.checked, "stored, it says something else");
        let _ = certificate::key_algorithm(&read.checked.cert_pem);
        assert!(certificate::key_id_of(&read.checked.cert_pem).is_some());
    }
    for key in ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        let key = SecretString::from(pem::write(key, data));
        let _ = PrivateKey::read(&key, Some(&SecretString::from("passphrase")));
    }
});
