//! A fleet of certificates through virtual years, with the real schedule and the real buckets: how many orders a day,
//! how near to expiry, how near to each limit. The CA counts for itself, in plain sight.

mod books;
mod plot;

use std::{cmp::Reverse, collections::BinaryHeap, collections::HashMap, time::Duration};

use certmint_core::{
    certificate::{Certificate, CertificateSource, Lifecycle},
    provider::{Limit, Limits, Provider, RateKey, of_order},
    renewal::{self, Renewal, RenewalInfo, Window, schedule},
    words::{AccountId, CertificateId, NameSet, ProviderId, Timestamp},
};

use self::books::Books;
pub use self::{books::Nearest, plot::svg};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A CA that finds out that it must revoke.
#[derive(Clone, Copy, Debug)]
pub struct Incident {
    /// On which day.
    pub day: u32,
    /// How many certificates.
    pub certificates: usize,
}

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Drill {
    /// Certificates.
    pub certificates: usize,
    /// Registered domains that they are spread over.
    pub domains: usize,
    /// Accounts that they are spread over.
    pub accounts: usize,
    /// Days that a certificate lives; certificates take turns.
    pub lives: Vec<u32>,
    /// How long it goes on.
    pub days: u32,
    /// The CA's limits.
    pub limits: Limits,
    /// Whether the CA has renewal information (a window of two days, or a tenth of a short life, about when
    /// a third of the life is left, or half of one under ten days).
    pub ari: bool,
    /// A mass revocation, which needs renewal information.
    pub incident: Option<Incident>,
}

impl Default for Drill {
    fn default() -> Self {
        Self {
            certificates: 10_000,
            domains: 1_000,
            accounts: 1,
            lives: vec![90],
            days: 730,
            limits: Limits::LETS_ENCRYPT,
            ari: true,
            incident: Some(Incident {
                day: 400,
                certificates: 1_000,
            }),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Orders of each day.
    pub orders: Vec<u32>,
    /// The least of a life that was left at a renewal, by day.
    pub left: Vec<Option<f64>>,
    /// The most of any limit that was in use, by day.
    pub used: Vec<Option<f64>>,
    /// Renewals of each certificate, in the order of the fleet.
    pub renewals: Vec<u32>,
    /// Of the orders, how many the CA exempts.
    pub exempt: u64,
    /// The least time that was left at a renewal, in parts of the life (0: expired).
    pub least_left: f64,
    /// Certificates that ended before they were renewed.
    pub expired: u64,
    /// The longest time from the first try of an order to the order.
    pub longest_wait: Duration,
    /// From the incident to the last renewal that it called for: all of them, or it is not over.
    pub incident_over_after: Duration,
    /// How near each limit came, by the CA's own count.
    pub nearest: Vec<Nearest>,
}

struct Member {
    names: NameSet,
    account: AccountId,
    life: Duration,
    certificate: Option<Certificate>,
    renewal: Option<Renewal>,
    /// When it was due; an order may have to wait.
    due: Timestamp,
    revoked: bool,
}

struct Fleet<'a> {
    drill: &'a Drill,
    provider: Provider,
    members: Vec<Member>,
    events: BinaryHeap<Reverse<(Timestamp, usize)>>,
    arrivals: HashMap<RateKey, Timestamp>,
    /// When the next of those that wait for a bucket comes back.
    turns: HashMap<RateKey, Timestamp>,
    books: Books,
    outcome: Outcome,
}

/// The start of every drill.
const START: Timestamp = Timestamp::from_secs(1_800_000_000);

fn day_of(now: Timestamp) -> usize {
    usize::try_from(now.since(START).as_secs() / DAY.as_secs()).expect("a day")
}

/// Runs the drill.
///
/// # Panics
/// If a life is longer than the drill can tell or there is nothing to simulate.
#[must_use]
pub fn run(drill: &Drill) -> Outcome {
    let mut fleet = Fleet::new(drill);
    let end = START.plus(DAY * drill.days);
    let incident = drill.incident.filter(|_| drill.ari);
    let mut strikes = incident.map(|i| START.plus(DAY * i.day));
    while let Some(Reverse((at, member))) = fleet.events.pop() {
        if at >= end {
            break;
        }
        if let (Some(moment), Some(incident)) = (strikes, incident)
            && at >= moment
        {
            strikes = None;
            fleet.events.push(Reverse((at, member)));
            fleet.strike(moment, incident.certificates);
            continue;
        }
        fleet.meet(member, at);
    }
    fleet.outcome.nearest = fleet.books.nearest();
    fleet.outcome
}

impl<'a> Fleet<'a> {
    fn new(drill: &'a Drill) -> Self {
        let provider = Provider {
            limits: drill.limits,
            ..Provider::new(ProviderId::new(1), "ca", "https://ca.test/dir")
        };
        let member = |n: usize| {
            let name = format!("h{n}.d{}.example", n % drill.domains.max(1));
            Member {
                names: NameSet::parse(&[name]).expect("a name"),
                account: AccountId::new((n % drill.accounts.max(1)) as u64 + 1),
                life: DAY * drill.lives[n % drill.lives.len()],
                certificate: None,
                renewal: None,
                due: START,
                revoked: false,
            }
        };
        let members: Vec<Member> = (0..drill.certificates).map(member).collect();
        Self {
            drill,
            provider,
            // All are asked for in the same moment: the ledger spreads them.
            events: (0..members.len()).map(|n| Reverse((START, n))).collect(),
            members,
            arrivals: HashMap::new(),
            turns: HashMap::new(),
            books: Books::default(),
            outcome: Outcome {
                orders: vec![0; drill.days as usize],
                left: vec![None; drill.days as usize],
                used: vec![None; drill.days as usize],
                renewals: vec![0; drill.certificates],
                least_left: 1.0,
                ..Outcome::default()
            },
        }
    }

    /// The CA opens the windows of some; each is seen at the next look.
    fn strike(&mut self, now: Timestamp, count: usize) {
        let issued: Vec<usize> = (0..self.members.len())
            .filter(|n| self.members[*n].certificate.is_some())
            .take(count)
            .collect();
        let between_looks = schedule::until_next_look(Some(Duration::from_secs(6 * 3600)));
        for n in issued {
            let look = now.plus(schedule::Draw::of(&n.to_string(), "look").part_of(between_looks));
            let window = Window {
                start: now.minus(DAY),
                end: now,
            };
            self.members[n].revoked = true;
            self.tell(n, window, look);
        }
    }

    /// A look at the CA's window: the moment it gives is the next event.
    fn tell(&mut self, n: usize, window: Window, now: Timestamp) {
        let info = RenewalInfo {
            window,
            explanation_url: None,
            retry_after: None,
        };
        let member = &mut self.members[n];
        let (Some(certificate), Some(renewal)) = (&member.certificate, &member.renewal) else {
            return;
        };
        let told = renewal::after_answer(renewal, certificate, Some(&info), now);
        member.due = told.renew_at.map_or(now, |at| at.max(now));
        self.events.push(Reverse((member.due, n)));
        member.renewal = Some(told);
    }

    /// An order is due, unless the moment was moved.
    fn meet(&mut self, n: usize, now: Timestamp) {
        let member = &self.members[n];
        if now < member.due {
            return;
        }
        let window = member.renewal.as_ref().and_then(|r| r.window);
        let exempt = self.drill.limits.exempts_renewals && window.is_some_and(|w| w.start <= now);
        if !exempt {
            let buckets = of_order(&self.provider, member.account, &member.names).spend;
            let counted: Vec<_> = buckets.iter().filter(|b| b.limit.is_some()).collect();
            let opens = counted.iter().map(|b| {
                let opens = b.earliest(self.arrivals.get(&b.key).copied(), now);
                (opens, b)
            });
            if let Some((opens, bucket)) = opens.max_by_key(|(at, _)| *at).filter(|(at, _)| *at > now) {
                // Those that wait for the same bucket come back one by one, not as a crowd.
                let turn = self.turns.entry(bucket.key.clone()).or_insert(opens);
                *turn = (*turn).max(opens);
                self.events.push(Reverse((*turn, n)));
                *turn = turn.plus(bucket.limit.map_or(HOUR, Limit::interval));
                return;
            }
            for bucket in counted {
                let Some(limit) = bucket.limit else { continue };
                let arrival = self.arrivals.get(&bucket.key).copied();
                self.arrivals.insert(bucket.key.clone(), limit.take(arrival, now));
                let used = self.books.order(bucket, limit, now);
                let most = &mut self.outcome.used[day_of(now)];
                *most = Some(most.map_or(used, |m| m.max(used)));
            }
        }
        self.outcome.exempt += u64::from(exempt);
        self.count(n, now);
        self.issue(n, now);
    }

    fn count(&mut self, n: usize, now: Timestamp) {
        let member = &self.members[n];
        let outcome = &mut self.outcome;
        let day = day_of(now);
        outcome.orders[day] += 1;
        let Some(old) = &member.certificate else { return };
        let left = old.expires_at.since(now).as_secs_f64() / member.life.as_secs_f64();
        outcome.renewals[n] += 1;
        outcome.left[day] = Some(outcome.left[day].map_or(left, |l| l.min(left)));
        outcome.least_left = outcome.least_left.min(left);
        outcome.expired += u64::from(old.expires_at <= now);
        outcome.longest_wait = outcome.longest_wait.max(now.since(member.due));
        if let (true, Some(incident)) = (member.revoked, self.drill.incident) {
            let since = now.since(START.plus(DAY * incident.day));
            outcome.incident_over_after = outcome.incident_over_after.max(since);
        }
    }

    fn issue(&mut self, n: usize, now: Timestamp) {
        let member = &mut self.members[n];
        let version = member.certificate.as_ref().map_or(1, |c| c.version + 1);
        let certificate = Certificate {
            id: CertificateId::new(n as u64 + 1),
            fingerprint: String::new(),
            serial: String::new(),
            issuer: String::new(),
            names: member.names.as_slice().to_vec(),
            not_before: now,
            expires_at: now.plus(member.life),
            cert_pem: String::new(),
            chain_pem: String::new(),
            key_ref: String::new(),
            source: CertificateSource::Acme,
            account_id: Some(member.account),
            provider: "ca".into(),
            request_id: None,
            profile: None,
            version,
            lifecycle: Lifecycle::default(),
            created_at: now,
            updated_at: now,
        };
        let renewal = renewal::first(&certificate);
        // As Let's Encrypt has it: a third of the life is left, or half of one under ten days.
        let left = member.life / if member.life < DAY * 10 { 2 } else { 3 };
        let middle = certificate.expires_at.minus(left);
        let half_open = DAY.min(member.life / 20);
        member.due = renewal.renew_at.unwrap_or(now);
        member.revoked = false;
        member.certificate = Some(certificate);
        member.renewal = Some(renewal);
        if self.drill.ari {
            let window = Window {
                start: middle.minus(half_open),
                end: middle.plus(half_open),
            };
            self.tell(n, window, now);
        } else {
            let due = self.members[n].due;
            self.events.push(Reverse((due, n)));
        }
    }
}
