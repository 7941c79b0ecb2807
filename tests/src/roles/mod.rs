//! Emulated AWS that enforces the roles of `template.yaml`: between the functions and the emulator stands what IAM would
//! say. Who calls is in the signature: the local mode gives each function its name as access key.

mod asked;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use certmint_guards::{
    files,
    iam::{Asked, Statement},
    stack::{Stack, of_role},
    yaml,
};

use crate::{
    faults::{Call, Fault, Rules},
    journey::Journey,
};

/// The functions by their access keys, and their roles in the template.
const ROLES: [(&str, &str); 4] = [
    ("api", "ApiRole"),
    ("download", "DownloadRole"),
    ("worker", "WorkerRole"),
    ("dns-cleanup", "CleanupRole"),
];
/// The condition that narrows by partition keys.
pub const LEADING_KEYS: &str = "dynamodb:LeadingKeys";

struct State {
    statements: BTreeMap<String, Vec<Statement>>,
    /// Who asked for what.
    asked: BTreeSet<(String, Asked)>,
    denied: BTreeSet<(String, Asked)>,
}

/// What the functions may do. Clones are the same.
#[derive(Clone)]
pub struct Roles(Arc<Mutex<State>>);

impl State {
    fn allows(&self, caller: &str, asked: &Asked) -> bool {
        let statements = self.statements.get(caller);
        statements.is_some_and(|all| all.iter().any(|statement| statement.allows(asked)))
    }
}

impl Roles {
    /// The roles of a stack with these parameters.
    ///
    /// # Panics
    /// If the template has another form than is known.
    #[must_use]
    pub fn of_template(parameters: &[(&str, &str)]) -> Self {
        let template = std::fs::read_to_string(files::root().join("template.yaml")).expect("the template");
        let names = [
            ("Table", "certmint"),
            ("KeysKey", "certmint"),
            ("Wakes", "certmint-wakes"),
        ];
        let stack = Stack::new(yaml::read(&template), &[parameters, &names].concat());
        let resources = stack.resources();
        let of_function = |(function, role): (&str, &str)| {
            let statements = of_role(&resources, role).into_iter();
            let statements = statements.map(|statement| Statement::read(&stack.value(statement)));
            (function.to_owned(), statements.collect())
        };
        Self(Arc::new(Mutex::new(State {
            statements: ROLES.into_iter().map(of_function).collect(),
            asked: BTreeSet::new(),
            denied: BTreeSet::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller's role allows all that the call asks for.
    fn allow(&self, call: &Call) -> bool {
        // Calls of a CA have no role.
        let Some(caller) = &call.caller else { return true };
        let mut state = self.lock();
        let mut allowed = true;
        for asked in asked::of(call) {
            let asked = (caller.clone(), asked);
            if !state.allows(caller, &asked.1) {
                allowed = false;
                state.denied.insert(asked.clone());
            }
            state.asked.insert(asked);
        }
        allowed
    }

    /// Starts a stack whose functions have these roles and no more. Faults may be added to the rules.
    pub async fn journey(&self, options: certmint_stack::Options) -> (Journey, Rules) {
        let (journey, rules) = Journey::with_faults(options).await;
        let of_route53 = |call: &Call| call.target.is_empty();
        let roles = self.clone();
        let denied = move |call: &Call| of_route53(call) && !roles.allow(call);
        rules.add_matching(denied, 0, usize::MAX, Fault::route53(403, "AccessDenied"));
        let roles = self.clone();
        let denied = move |call: &Call| !of_route53(call) && !roles.allow(call);
        rules.add_matching(denied, 0, usize::MAX, Fault::json(400, "AccessDeniedException"));
        (journey, rules)
    }

    /// Calls that were denied since it was asked last, in words.
    #[must_use]
    pub fn denied(&self) -> Vec<String> {
        let denied = std::mem::take(&mut self.lock().denied);
        let words = |(caller, asked): (String, Asked)| {
            let keys = asked.context.get(LEADING_KEYS);
            format!("{caller}: {} on {} {keys:?}", asked.action, asked.resource)
        };
        denied.into_iter().map(words).collect()
    }

    /// Takes an action away from a role's statement.
    ///
    /// # Panics
    /// If it has none such.
    pub fn take_away(&self, function: &str, sid: &str, action: &str) {
        let mut state = self.lock();
        let statements = state.statements.get_mut(function).expect("a function");
        let mut taken = false;
        for statement in statements.iter_mut().filter(|s| s.sid == sid) {
            let before = statement.actions.len();
            statement.actions.retain(|a| a != action);
            taken |= statement.actions.len() < before;
        }
        assert!(taken, "{function}'s role has no {action} in {sid}");
    }

    /// Gives everything back.
    pub fn give_back(&self, parameters: &[(&str, &str)]) {
        self.lock().statements = Self::of_template(parameters).lock().statements.clone();
    }

    /// What no call so far needed: actions of statements, and partition keys that they allow. Taken out, all that was asked
    /// for would have been allowed still.
    #[must_use]
    pub fn idle(&self) -> Vec<String> {
        let state = self.lock();
        let mut idle = vec![];
        for (function, statements) in &state.statements {
            let asked: Vec<&Asked> = state
                .asked
                .iter()
                .filter(|(by, _)| by == function)
                .map(|(_, a)| a)
                .collect();
            for (at, statement) in statements.iter().enumerate() {
                let needed = |less: Statement| {
                    let mut others = statements.clone();
                    others[at] = less;
                    asked.iter().any(|asked| !others.iter().any(|s| s.allows(asked)))
                };
                for action in &statement.actions {
                    let mut less = statement.clone();
                    less.actions.retain(|a| a != action);
                    if !needed(less) {
                        idle.push(format!("{function} {}: {action}", statement.sid));
                    }
                }
                for key in statement.allowed_values(LEADING_KEYS) {
                    if !needed(statement.without_value(LEADING_KEYS, &key)) {
                        idle.push(format!("{function} {}: {key}", statement.sid));
                    }
                }
            }
        }
        idle
    }
}
