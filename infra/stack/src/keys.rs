//! An operator's work on keys, with AWS's own credentials and the settings of the functions.

use certmint_shared::{
    start,
    vault::migrate::{Migrated, migrate},
};

/// A vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Place {
    /// One secret a key
    SecretsManager,
    /// Ciphertext in the table
    Envelope,
}

impl Place {
    /// The word of `CERTMINT_KEY_VAULT`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::SecretsManager => "secrets-manager",
            Self::Envelope => "envelope",
        }
    }
}

/// Needs CERTMINT_TABLE, CERTMINT_KMS_KEY and, where it is not certmint, CERTMINT_SECRET_PREFIX
#[derive(clap::Args)]
pub(crate) struct Migration {
    /// Where the keys are now
    #[arg(long, value_enum)]
    from: Place,
    /// Where they go
    #[arg(long, value_enum)]
    to: Place,
    /// Copies only: the old ones stay
    #[arg(long)]
    keep: bool,
}

impl Migration {
    /// Moves what can be moved; what cannot is told, and makes it fail.
    pub(crate) async fn run(self) -> Result<(), String> {
        if self.from == self.to {
            return Err("--from and --to are the same".into());
        }
        let (secrets_manager, envelope) = start::vaults().await.map_err(|e| e.to_string())?;
        let done = match self.from {
            Place::SecretsManager => migrate(&secrets_manager, &envelope, self.keep).await,
            Place::Envelope => migrate(&envelope, &secrets_manager, self.keep).await,
        };
        report(&done.map_err(|e| e.to_string())?)
    }
}

fn report(done: &Migrated) -> Result<(), String> {
    println!(
        "{} there, {} old ones scheduled for deletion, {} vanished meanwhile, {} failed",
        done.there,
        done.removed,
        done.gone,
        done.failed.len()
    );
    for (name, why) in &done.failed {
        eprintln!("{name}: {why}");
    }
    match done.failed.len() {
        0 => Ok(()),
        _ => Err("not all were moved; mend what is said above and run it again".into()),
    }
}

/// Needs CERTMINT_TABLE and CERTMINT_KMS_KEY
#[derive(clap::Args)]
pub(crate) struct Restoration {
    /// The key's name, without the prefix: certificate-key/12-order0
    name: String,
}

impl Restoration {
    /// Takes it back.
    pub(crate) async fn run(self) -> Result<(), String> {
        let (_, envelope) = start::vaults().await.map_err(|e| e.to_string())?;
        envelope.restore(&self.name).await.map_err(|e| e.to_string())?;
        println!("{} is back", self.name);
        Ok(())
    }
}
