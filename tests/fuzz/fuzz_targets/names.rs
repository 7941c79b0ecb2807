//! What is accepted as a name is read back by the rules of stored names, and is what it was.
#![no_main]

use certmint_core::words::{DomainName, Fqdn, NameSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lines: Vec<&str> = text.lines().take(101).collect();
    for line in &lines {
        let Ok(name) = line.parse::<DomainName>() else { continue };
        let read = DomainName::read(name.as_str());
        assert_eq!(read.as_ref(), Ok(&name), "stored {name}");
        assert_eq!(name.as_str().parse().as_ref(), Ok(&name), "asked for again: {name}");
        assert!(name.as_str().is_ascii() && name.as_str().len() <= 255, "{name}");
        let base = Fqdn::new(name.base());
        assert!(base.is_within(&Fqdn::new(name.registered())), "{name} in {}", name.registered());
    }
    if let Ok(set) = NameSet::parse_for_order(&lines) {
        let stored = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<NameSet>(&stored).unwrap(), set);
        for name in set.as_slice() {
            // RFC 1035 §2.3.4.
            assert!(name.challenge_fqdn().as_str().len() <= 253, "{name}");
        }
    }
});
