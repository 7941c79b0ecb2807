//! What is read of a PEM file is all of it, and is read again from what we write.
#![no_main]

use certmint_core::x509::pem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(blocks) = pem::blocks(text) else { return };
    // One that was cut before its label has nothing to lose.
    let begun = text.split("-----BEGIN ").skip(1).filter(|rest| !rest.trim().is_empty());
    // More are found where escapes of line ends stand in a boundary.
    assert!(blocks.len() >= begun.count(), "a block was lost in silence");
    // On one line, headers hide what follows them: such a block is refused by its headers' name, never written.
    for block in blocks.iter().filter(|block| !block.der.is_empty()) {
        let written = pem::write(&block.label, &block.der);
        let again = pem::blocks(&written).unwrap();
        assert_eq!(again.len(), 1);
        assert_eq!((&again[0].label, &again[0].der), (&block.label, &block.der));
    }
});
