//! From one vault to another. Each secret is in the new place, read back and compared, before the old one is
//! scheduled for deletion: killed anywhere, every secret is whole in one of them, and the next run goes on.

use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::{API_TOKENS, KeyVault, SecretNames, VaultError};

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Secrets that are in the new place, the same as in the old one.
    pub there: u64,
    /// Old ones that were scheduled for deletion.
    pub removed: u64,
    /// Names that vanished from the old place meanwhile.
    pub gone: u64,
    /// What could not be moved, by name. Nothing of it was deleted.
    pub failed: Vec<(String, String)>,
}

/// Moves every secret but the list of API tokens. With `keep` the old ones stay.
///
/// # Errors
/// Only if the names cannot be listed; what fails for one secret is in the report.
pub async fn migrate<V: KeyVault + SecretNames + ?Sized>(
    from: &V,
    to: &dyn KeyVault,
    keep: bool,
) -> Result<Migrated, VaultError> {
    let mut report = Migrated::default();
    for name in from.names().await? {
        if name == API_TOKENS {
            continue;
        }
        match one(from, to, &name, keep).await {
            Ok(Moved::There) => report.there += 1,
            Ok(Moved::Removed) => {
                report.there += 1;
                report.removed += 1;
            }
            Ok(Moved::Gone) => report.gone += 1,
            Err(why) => report.failed.push((name, why.to_string())),
        }
    }
    Ok(report)
}

enum Moved {
    There,
    Removed,
    Gone,
}

async fn one<V: KeyVault + SecretNames + ?Sized>(
    from: &V,
    to: &dyn KeyVault,
    name: &str,
    keep: bool,
) -> Result<Moved, VaultError> {
    let value = match from.get(name).await {
        Ok(value) => value,
        Err(VaultError::NotFound(_) | VaultError::PendingDeletion(_)) => return Ok(Moved::Gone),
        Err(error) => return Err(error),
    };
    to.put_if_absent(name, value.clone()).await?;
    let read = to.get(name).await?;
    let same = read
        .expose_secret()
        .as_bytes()
        .ct_eq(value.expose_secret().as_bytes());
    if !bool::from(same) {
        return Err(VaultError::Refused {
            name: name.to_owned(),
            message: "both vaults have it, with different values; neither was touched".into(),
        });
    }
    if keep {
        return Ok(Moved::There);
    }
    from.delete(name).await?;
    Ok(Moved::Removed)
}
