//! What is read of a PEM file is all of it, and is read again from what we write.
#![no_main]

use certmint_core::x509::pem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(blocks) = pem::blocks(text) else { return };
    assert_eq!(blocks.len(), text.matches("-----BEGIN ").count(), "a block was lost in silence");
    // What has headers is an old encrypted key, which is refused by that name; nothing of it is written again.
    for block in blocks.iter().filter(|block| !block.has_headers) {
        let written = pem::write(&block.label, &block.der);
        let again = pem::blocks(&written).unwrap();
        assert_eq!(again.len(), 1);
        assert_eq!((&again[0].label, &again[0].der), (&block.label, &block.der));
    }
});
