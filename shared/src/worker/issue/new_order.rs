//! newOrder, within the limits of the CA.

use std::sync::Arc;

use super::limiter::Limiter;
use crate::{
    acme::{Ca, CaAccount, OrderTerms},
    store::{CertificateStore, RenewalStore, RequestStore},
    worker::renew,
};
use certmint_core::{
    clock::Clock,
    issuance::{Event, OrderHold, Request},
    provider::Provider,
    words::{Cause, Failure},
};

/// Failures before any order was made, after which it no longer says what it replaces.
const REPLACING_TRIES: u32 = 3;

/// Makes orders.
pub(super) struct NewOrders {
    pub(super) ca: Arc<dyn Ca>,
    pub(super) certificates: Arc<dyn CertificateStore>,
    pub(super) renewals: Arc<dyn RenewalStore>,
    pub(super) requests: Arc<dyn RequestStore>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) clock: Arc<dyn Clock>,
}

impl NewOrders {
    /// Orders, or is put on hold by a limit that is used up, or by an order that another request works on.
    pub(super) async fn order(
        &self,
        request: &Request,
        provider: &Provider,
        account: &CaAccount,
    ) -> Result<Event, Failure> {
        let (names, key, profile) = (&request.names, &request.key, request.profile.as_deref());
        provider.orders.check(&provider.name, names, key, profile)?;
        if let Some(taken) = self.awaited(request).await? {
            return Ok(taken);
        }
        let mut terms = OrderTerms {
            names,
            profile,
            replaces: None,
        };
        // What an order replaces is a courtesy (RFC 9773 §5): a CA that makes no order because it stumbles over that must
        // not keep a certificate from being renewed.
        let (orders, failures) = (request.issuance.orders, request.issuance.failures);
        let stumbles = orders == 0 && failures >= REPLACING_TRIES;
        let now = self.clock.now();
        let replaced = match stumbles {
            true => None,
            false => renew::replaced_by(&*self.certificates, &*self.renewals, request, now).await?,
        };
        if let Some(replaced) = &replaced {
            terms.replaces = Some(&replaced.identifier);
            let exempt = replaced.in_window;
            if let Some(hold) = self.admit(request, provider, exempt).await? {
                return Ok(hold);
            }
            match self.ca.new_order(account, &terms).await {
                Err(failure) if failure.problem.cause == Cause::ReplacesRefused => {
                    tracing::info!(
                        request_id = request.id.get(),
                        why = failure.problem.detail,
                        "ordered without replaces"
                    );
                    terms.replaces = None;
                }
                answer => return self.answered(request, provider, answer).await,
            }
        }
        if let Some(hold) = self.admit(request, provider, false).await? {
            return Ok(hold);
        }
        let answer = self.ca.new_order(account, &terms).await;
        self.answered(request, provider, answer).await
    }

    /// While another request works on the order that the CA answered with, it would answer so again.
    async fn awaited(&self, request: &Request) -> Result<Option<Event>, Failure> {
        let Some(order_url) = request.issuance.awaited_order.clone() else {
            return Ok(None);
        };
        let owner = self.requests.order_owner(&order_url).await?;
        let works = owner.filter(|owner| owner.request != request.id && owner.hold == OrderHold::Open);
        Ok(works.map(|owner| Event::OrderTaken {
            order_url,
            by: owner.request,
        }))
    }

    async fn admit(
        &self,
        request: &Request,
        provider: &Provider,
        exempt: bool,
    ) -> Result<Option<Event>, Failure> {
        let now = self.clock.now();
        self.limiter.admit(request, provider, exempt, now).await
    }

    async fn answered(
        &self,
        request: &Request,
        provider: &Provider,
        answer: Result<String, Failure>,
    ) -> Result<Event, Failure> {
        match answer {
            Ok(order_url) => Ok(Event::OrderCreated { order_url }),
            Err(failure) => {
                let now = self.clock.now();
                Err(self.limiter.refused(request, provider, failure, now).await)
            }
        }
    }
}
