//! The public keys, for whoever checks assertions: as a text, and as a file.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::keys::{Key, KeyRing};

/// Everybody may read public keys.
const MODE: u32 = 0o644;

/// A JWK Set (RFC 7517 §5), the key that signs first.
pub(super) fn text(keys: &KeyRing) -> String {
    json!({ "keys": keys.keys().map(Key::jwk).collect::<Vec<Value>>() }).to_string()
}

/// Writes that set into the file at `path`, in one step: whoever reads it meanwhile reads the old one or the new one.
///
/// # Errors
/// If it cannot be written; then it is as it was.
pub fn write_jwks(path: &Path, keys: &KeyRing) -> io::Result<()> {
    let beside = beside(path)?;
    let written = OpenOptions::new()
        .write(true)
        // A file that is there already, or a link that somebody laid there, is not written through.
        .create_new(true)
        .mode(MODE)
        .open(&beside)
        .and_then(|file| fill(&file, &text(keys)))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Perhaps it is not there at all. What went wrong before is what counts.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn fill(mut file: &File, text: &str) -> io::Result<()> {
    // Whatever the umask took away.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name of its own in the same directory: only within a file system is a rename one step.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it is no file's name"))?;
    let number = getrandom::u64().map_err(io::Error::other)?;
    let mut own = std::ffi::OsString::from(".");
    own.push(name);
    own.push(format!(".{number:016x}"));
    Ok(path.with_file_name(own))
}
