//! What a seed stands for: who asks for what, when, and in which kind of world.

use std::time::Duration;

use certmint_core::{
    certificate::RenewAs,
    words::{Fqdn, Timestamp},
};
use certmint_shared::worker::WorkerSettings;

use super::{
    ca_renewals::Ari, ca_state::CaHabits, faults::Faults, lack::Lack, later::Later, op::Op, rng::Rng,
    timeline::START,
};

/// One certificate that a client wants.
#[derive(Clone, Debug)]
pub struct Ask {
    /// When the request is made.
    pub at: Timestamp,
    /// Of which account.
    pub account: usize,
    /// For which names.
    pub names: Vec<&'static str>,
    /// The stored item is damaged: nothing can be done but to step around it.
    pub unreadable: bool,
    /// The client retries once if it fails.
    pub retries: bool,
    /// What its renewals make.
    pub renew_as: RenewAs,
    /// The accounts that it goes on with.
    pub fallback: Vec<usize>,
}

/// Another tool's write.
#[derive(Clone, Debug)]
pub struct ForeignWrite {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub fqdn: Fqdn,
    /// Adds, removes, or replaces all.
    pub kind: u64,
}

/// A whole run before it begins.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Workers that may run at once.
    pub workers: usize,
    /// How they work.
    pub settings: WorkerSettings,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// The schedule.
    pub interval: Duration,
    /// Kicks and ticks in a thousand that never arrive.
    pub lost_events: u64,
    /// Invocations in a thousand that get a new process.
    pub cold_starts: u64,
    /// Whether workers' clocks differ from the CA's.
    pub clocks_are_off: bool,
    /// How the CA behaves.
    pub habits: CaHabits,
    /// Whether zones may be slow beyond patience.
    pub lazy_zones: bool,
    /// Whether nothing but crashes goes wrong: then no request may fail that can succeed.
    pub gentle: bool,
    /// The contacts of the accounts.
    pub contacts: Vec<&'static str>,
    /// What clients want.
    pub asks: Vec<Ask>,
    /// What another tool does.
    pub foreign: Vec<ForeignWrite>,
    /// When a client has the key of an account changed.
    pub rollovers: Vec<(Timestamp, usize)>,
    /// A zone that goes away, and when.
    pub zone_gone: Option<(Timestamp, usize)>,
    /// Calls that fail.
    pub faults: Faults,
    /// What goes on after the first certificates; `None`: the run ends with them.
    pub later: Option<Later>,
}

/// One run of so many goes on until its certificates are renewed.
const WITH_RENEWALS: u64 = 8;

/// Zones that we may write.
pub(super) const ZONES: [&str; 3] = ["example.com", "example.net", "acme.example.org"];
/// Challenges that are delegated.
pub(super) const ALIASES: [(&str, &str); 1] = [("_acme-challenge.far.example.com", "far.acme.example.org")];

/// Names that can be certified.
const GOOD: [&[&str]; 8] = [
    &["example.com"],
    &["*.example.com"],
    &["example.com", "*.example.com"],
    &["www.example.com", "example.com"],
    &["example.net"],
    &["www.example.com", "www.example.net"],
    &["far.example.com", "*.far.example.com"],
    &["far.example.com", "example.net"],
];

/// Names that a CA or a zone refuses for good.
const BAD: [&[&str]; 4] = [
    &["rejected.example.com"],
    &["caa.example.com"],
    &["nowhere.net"],
    &["elsewhere.net"],
];

fn moment(rng: &mut Rng, to_secs: u64) -> Timestamp {
    START.plus(Duration::from_millis(rng.within(0, to_secs * 1000)))
}

impl Scenario {
    /// The scenario of a seed, and the stream that goes on with the run.
    #[must_use]
    pub fn of(seed: u64) -> (Self, Rng) {
        let mut rng = Rng::new(seed);
        let later = seed.is_multiple_of(WITH_RENEWALS).then(|| Later::of(&mut rng));
        let mut faults = Faults::of(&mut rng, later.as_ref());
        faults.lack = Lack::of(seed, faults.from);
        let gentle = faults.refused == 0 && faults.slow == 0 && rng.per_mille(600);
        let accounts = if rng.per_mille(200) { 2 } else { 1 };
        let mut contacts = vec!["ops@example.com", "dev@example.com"];
        contacts.truncate(accounts);
        if !gentle && rng.per_mille(15) {
            contacts[0] = "rejected@example.com";
        }
        let habits = CaHabits {
            reuses_orders: rng.per_mille(500),
            reuses_valid: rng.per_mille(500),
            reuses_pending: rng.per_mille(150),
            has_moods: !gentle,
            life: later.as_ref().map(|l| l.life),
            ari: later.as_ref().map_or(Ari::None, |l| l.ari),
            refuses_replaces: later.as_ref().is_some_and(|l| l.refuses_replaces),
        };
        let asks = Self::asks(&mut rng, accounts, habits);
        let foreign = Self::foreign(&mut rng, &asks, gentle);
        let gone = !gentle && rng.per_mille(30);
        let zone_gone = gone.then(|| (moment(&mut rng, 300), 0));
        let settings = WorkerSettings {
            batch_size: usize::try_from(*rng.pick(&[1, 2, 100])).unwrap_or(1),
            parallelism: usize::try_from(*rng.pick(&[1, 2, 16])).unwrap_or(1),
            ..WorkerSettings::default()
        };
        let rollovers = Self::rollovers(seed, accounts, &mut faults);
        let scenario = Self {
            workers: usize::try_from(rng.within(1, 5)).unwrap_or(1),
            settings,
            timeout: Duration::from_secs(*rng.pick(&[60, 120, 300, 900])),
            interval: Duration::from_secs(*rng.pick(&[40, 60, 300])),
            lost_events: *rng.pick(&[0, 0, 200]),
            cold_starts: 250,
            clocks_are_off: true,
            habits,
            lazy_zones: !gentle,
            gentle,
            contacts,
            asks,
            foreign,
            rollovers,
            zone_gone,
            faults,
            later,
        };
        (scenario, rng)
    }

    /// Good days: exact clocks, no fault, and what one account's clients want.
    #[must_use]
    pub fn of_good_days(asks: Vec<Ask>, later: Option<Later>) -> Self {
        Self {
            workers: 2,
            settings: WorkerSettings::default(),
            timeout: Duration::from_secs(300),
            interval: Duration::from_secs(60),
            lost_events: 0,
            // A function that runs each minute keeps its process for hours.
            cold_starts: 5,
            clocks_are_off: false,
            habits: CaHabits {
                life: later.as_ref().map(|l| l.life),
                ari: later.as_ref().map_or(Ari::None, |l| l.ari),
                ..CaHabits::default()
            },
            lazy_zones: false,
            gentle: true,
            contacts: vec!["ops@example.com"],
            asks,
            foreign: vec![],
            rollovers: vec![],
            zone_gone: None,
            faults: Faults::none(),
            later,
        }
    }

    /// One request, and the account's key changed twice, where only these faults happen.
    #[must_use]
    pub fn of_rollovers(faults: Faults) -> Self {
        let hours = |n: u64| START.plus(Duration::from_secs(n * 3600));
        Self {
            workers: 1,
            cold_starts: 250,
            clocks_are_off: true,
            rollovers: vec![(hours(2), 0), (hours(12), 0)],
            faults,
            ..Self::of_good_days(vec![Ask::of(GOOD[0].to_vec())], None)
        }
    }

    /// From a stream of their own: the other draws of a seed stay what they are. Their calls are as good a place to die
    /// as any.
    fn rollovers(seed: u64, accounts: usize, faults: &mut Faults) -> Vec<(Timestamp, usize)> {
        let mut rng = Rng::new(!seed);
        if !rng.per_mille(400) {
            return vec![];
        }
        if rng.per_mille(400) {
            let call = *rng.pick(Op::ROLLING);
            faults.crashes.push((call, rng.within(0, 2), rng.per_mille(500)));
        }
        let within = *rng.pick(&[30, 600, 7200]);
        (0..rng.within(1, 4))
            .map(|_| {
                let account = usize::try_from(rng.within(0, accounts as u64)).unwrap_or(0);
                (moment(&mut rng, within), account)
            })
            .collect()
    }

    fn asks(rng: &mut Rng, accounts: usize, habits: CaHabits) -> Vec<Ask> {
        // A crowd at one name is where workers meet: there, two to four requests share RRsets. What goes on to renewals
        // takes long enough with one.
        let crowded = rng.per_mille(if habits.life.is_some() { 150 } else { 350 });
        let count = if crowded {
            rng.within(2, 5)
        } else {
            *rng.pick(&[1, 1, 2])
        };
        let good = if crowded { &GOOD[..4] } else { &GOOD[..] };
        let mut asks: Vec<Ask> = Vec::new();
        for _ in 0..count {
            let bad = rng.per_mille(30);
            let names = if bad { rng.pick(&BAD) } else { rng.pick(good) }.to_vec();
            let account = usize::try_from(rng.within(0, accounts as u64)).unwrap_or(0);
            let within = *rng.pick(&[2, 600]);
            asks.push(Ask {
                at: moment(rng, within),
                account,
                names,
                unreadable: rng.per_mille(10),
                retries: rng.per_mille(300),
                renew_as: match habits.life {
                    Some(_) if rng.per_mille(300) => RenewAs::New,
                    _ => RenewAs::Replace,
                },
                fallback: vec![],
            });
        }
        if accounts > 1 {
            for ask in &mut asks {
                let others = (0..accounts).filter(|a| *a != ask.account && rng.per_mille(700));
                ask.fallback = others.collect();
            }
        }
        asks
    }

    fn foreign(rng: &mut Rng, asks: &[Ask], gentle: bool) -> Vec<ForeignWrite> {
        if !rng.per_mille(300) {
            return vec![];
        }
        let names: Vec<&str> = asks.iter().flat_map(|a| a.names.iter().copied()).collect();
        (0..rng.within(1, 4))
            .map(|_| {
                let name = rng.pick(&names).trim_start_matches("*.");
                let fqdn = Fqdn::new(&format!("_acme-challenge.{name}"));
                let alias = ALIASES.iter().find(|(from, _)| Fqdn::new(from) == fqdn);
                ForeignWrite {
                    at: moment(rng, 240),
                    fqdn: alias.map_or(fqdn, |(_, to)| Fqdn::new(to)),
                    kind: rng.within(0, if gentle { 3 } else { 4 }),
                }
            })
            .filter(|w| ZONES.iter().any(|z| w.fqdn.is_within(&Fqdn::new(z))))
            .collect()
    }
}

impl Ask {
    /// What a client of the first account wants, at the start.
    #[must_use]
    pub const fn of(names: Vec<&'static str>) -> Self {
        Self {
            at: START,
            account: 0,
            names,
            unreadable: false,
            retries: false,
            renew_as: RenewAs::Replace,
            fallback: vec![],
        }
    }

    /// Whether a CA that is well issues it.
    #[must_use]
    pub fn can_succeed(&self) -> bool {
        !BAD.contains(&self.names.as_slice())
    }
}
