//! A client's CSR: what is accepted says the same when it is read again for the order.
#![no_main]

use certmint_core::{
    words::NameSet,
    x509::{csr::Csr, pem},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|der: &[u8]| {
    let names = NameSet::parse(&["csr.example.com"]).unwrap();
    let text = pem::write("CERTIFICATE REQUEST", der);
    let checked = Csr::check(&text, &names);
    match Csr::read(der) {
        Ok(read) => {
            assert_eq!(read.der(), der);
            if let Ok(checked) = checked {
                assert_eq!(checked, read);
                assert!(read.has_names(&names));
            }
        }
        Err(error) => {
            assert!(checked.is_err());
            assert!(!error.to_string().is_empty());
        }
    }
});
