//! Zones, vaults and clocks against one suite each. Another implementation is one more line.

use std::sync::{Arc, Mutex};

use certmint_shared::{
    clock::SystemClock,
    dns::{DnsZones, Zone},
};
use certmint_tests::{
    conformance_vault, conformance_zones as suite,
    sim::{Gate, MemoryVault, SimZones, ZoneState},
    zones::{MemoryZones, zone},
};

macro_rules! zones_conform {
    ($name:ident, $fresh:expr) => {
        mod $name {
            use super::*;

            fn fresh() -> (impl DnsZones, Zone) {
                $fresh
            }

            #[tokio::test]
            async fn compare_and_swap() {
                let (zones, zone) = fresh();
                suite::compare_and_swap(&zones, &zone).await;
            }

            #[tokio::test]
            async fn a_batch_is_atomic() {
                let (zones, zone) = fresh();
                suite::a_batch_is_atomic(&zones, &zone).await;
            }

            #[tokio::test]
            async fn reads() {
                let (zones, zone) = fresh();
                suite::reads(&zones, &zone).await;
            }

            #[tokio::test]
            async fn look_ups() {
                let (zones, zone) = fresh();
                suite::look_ups(&zones, &zone).await;
            }
        }
    };
}

fn simulated() -> (SimZones, Zone) {
    let state = Arc::new(Mutex::new(ZoneState::new(&["example.org", "example.com"], &[])));
    let zone = Zone {
        id: "Z1".into(),
        name: certmint_core::words::Fqdn::new("example.com"),
    };
    (SimZones::new(state, Arc::default(), Gate::open()), zone)
}

zones_conform!(in_memory, (MemoryZones::default(), zone()));
zones_conform!(in_virtual_time, simulated());

macro_rules! vault_conforms {
    ($name:ident, $fresh:expr) => {
        mod $name {
            use super::*;

            #[tokio::test]
            async fn the_first_value_stays() {
                conformance_vault::the_first_value_stays(&$fresh).await;
            }

            #[tokio::test]
            async fn deletes() {
                conformance_vault::deletes(&$fresh).await;
            }
        }
    };
}

vault_conforms!(memory_vault, MemoryVault::new(Arc::default(), Gate::open()));

#[tokio::test]
async fn the_machines_clock_sleeps() {
    conformance_vault::a_sleep_takes_its_time(&SystemClock).await;
}
