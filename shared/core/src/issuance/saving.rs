//! Which states must be in the store before anything else is done.

use super::{
    history::History,
    phase::{Order, OrderStage, Phase},
    state::Issuance,
};
use crate::words::Timestamp;

impl Issuance {
    /// Whether it has something that `stored` has not and that neither the CA nor the ledger would tell a later run: a
    /// crash now would lose it, or do it twice. That is the order's URL and number, what was counted, whose turn it is,
    /// that values are owed, Route53's names for the changes, that the CSR may be on its way, and the end. The stages on
    /// the way are found again from the order, and a wait begins anew.
    #[must_use]
    pub fn must_be_stored(&self, stored: &Self) -> bool {
        let (changes, known) = (self.phase.changes(), stored.phase.changes());
        self.untold() != stored.untold() || !(changes.is_empty() || changes == known)
    }

    /// Without what a later run finds by itself.
    fn untold(&self) -> Self {
        Self {
            phase: self.phase.untold(),
            since: Timestamp::ZERO,
            polls: 0,
            why: None,
            history: History::default(),
            ..self.clone()
        }
    }
}

impl Phase {
    /// Changes that are looked at.
    fn changes(&self) -> &[String] {
        match self.stage() {
            Some(OrderStage::Published { changes, .. }) => changes,
            _ => &[],
        }
    }

    /// The first phase that a later run can take up with the same outcome.
    fn untold(&self) -> Self {
        match self {
            Self::Queued | Self::Done { .. } | Self::Failed => self.clone(),
            Self::Ordered(order) => match &order.stage {
                OrderStage::KeyStored { key_ref } | OrderStage::Finalizing { key_ref } => {
                    order.at(OrderStage::KeyStored {
                        key_ref: key_ref.clone(),
                    })
                }
                OrderStage::Created
                | OrderStage::Challenged { .. }
                | OrderStage::Published { .. }
                | OrderStage::InSync { .. }
                | OrderStage::Propagated
                | OrderStage::Validating
                | OrderStage::Ready => Order::created(order.url.clone()),
            },
        }
    }
}
