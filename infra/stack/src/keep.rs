//! State in files: JSON, readable by the owner only, replaced whole.

use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use serde::{Serialize, de::DeserializeOwned};

use crate::StackError;

/// What `file` holds; `None` if there is no such file.
pub(crate) fn load<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, StackError> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StackError::Data(file.to_owned(), e.to_string())),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|e| StackError::Data(file.to_owned(), e.to_string()))
}

/// Writes beside the file and renames, so that a crash leaves the old one or the new one. A failure is logged: the
/// emulator goes on in memory.
pub(crate) fn store<T: Serialize>(file: &Path, value: &T) {
    let beside = file.with_extension("new");
    let written = serde_json::to_vec(value)
        .map_err(std::io::Error::other)
        .and_then(|bytes| {
            let mut options = std::fs::OpenOptions::new();
            let mut out = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&beside)?;
            out.write_all(&bytes)?;
            std::fs::rename(&beside, file)
        });
    if let Err(error) = written {
        tracing::warn!(file = %file.display(), %error, "state not kept");
    }
}
