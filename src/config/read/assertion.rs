//! Signed assertions: for whom, with which keys.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::error::ConfigError;
use super::super::settings::SETTINGS;
use super::super::sources::read_text;
use super::super::{Assertion, AssertionKeys};
use super::Reader;
use super::store::pairs;
use crate::assertion::{Algorithm, AssertionRules, Binding, Key, KeyFileError, KeyRing};
use crate::secret::Secret;

/// They are in each assertion, which has to fit into a header.
const TEXT_BYTES_MAX: usize = 256;
/// The one that signs, and the one before it or after it.
const FILES_MAX: usize = 2;
/// An RSA key of 4096 bits, the longest that is put there by mistake, has 3 KiB.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Read for everybody (`S_IROTH`).
const OTHERS_READ: u32 = 0o004;

const NEW_KEY: &str = "make one by `openssl genpkey -algorithm ed25519 -out FILE`";

impl Reader<'_> {
    /// `None` if there are none, or a mistake in them.
    pub(super) fn assertion(&mut self) -> Option<Assertion> {
        let Some(audience) = self.assertion_text("assertion_audience") else {
            return self.settings_without_audience();
        };
        let issuer = self.assertion_text("assertion_issuer");
        let bind =
            self.value("assertion_bind", "write host, request or both with a comma between them", |text| {
                pairs(text).map(binding).collect::<Result<_, _>>()
            });
        let keys = self.assertion_keys();
        let jwks_file = self.jwks_file();
        let rules = AssertionRules { issuer: issuer?, audience, bind: bind? };
        Some(Assertion { rules, keys: keys?, jwks_file })
    }

    fn assertion_text(&mut self, name: &'static str) -> Option<String> {
        let given = self.given(name)?;
        let hint = format!("write at most {TEXT_BYTES_MAX} bytes, such as a short name or a URL");
        self.check(name, &given, &hint, |text| match text.len() {
            0..=TEXT_BYTES_MAX => Ok(text.to_owned()),
            length => Err(format!("it has {length} bytes")),
        })
    }

    /// Nobody sets those and means that nothing is signed.
    fn settings_without_audience<T>(&mut self) -> Option<T> {
        let others = [
            "assertion_issuer",
            "assertion_key_file",
            "assertion_algorithm",
            "assertion_bind",
            "assertion_jwks_file",
        ];
        let is_set = |name: &&'static str| self.given(name).is_some_and(|given| !given.is_default());
        let set = others.into_iter().find(is_set)?;
        let what = format!("{set} is set, but assertion_audience is not");
        self.mistake(ConfigError::new(what).hint(
            "set assertion_audience to the name by which the app checks that an assertion is meant for it",
        ))
    }

    /// `None` if there is none, or a mistake in it.
    fn jwks_file(&mut self) -> Option<PathBuf> {
        let given = self.given("assertion_jwks_file")?;
        let path = PathBuf::from(given.text);
        // By whatever way it is named, and where it is only a link to it.
        let place = entry(&path);
        let is_there =
            |file: &Path| place.is_some() && [entry(file), file.canonicalize().ok()].contains(&place);
        let settings = SETTINGS.iter().filter(|setting| setting.name != "assertion_jwks_file");
        let mut files = settings.flat_map(|setting| {
            let given = self.given(setting.name);
            let files = given.map(|given| setting.files(given.text)).unwrap_or_default();
            files.into_iter().map(|file| (setting.name, file))
        });
        let read = files.find(|(_, file)| is_there(Path::new(file))).map(|(setting, _)| setting);
        let read = read.or_else(|| self.sources.path().filter(|path| is_there(path)).map(|_| "--config"));
        if let Some(setting) = read {
            let what = format!("assertion_jwks_file is {}, which {setting} names too", given.text);
            return self.mistake(
                ConfigError::new(what)
                    .because("what is in it would be written over")
                    .hint("name another file, which need not be there"),
            );
        }
        Some(path)
    }

    fn assertion_keys(&mut self) -> Option<AssertionKeys> {
        let algorithm = self.value("assertion_algorithm", "write EdDSA or ES256", |text| match text {
            "EdDSA" => Ok(Algorithm::EdDsa),
            "ES256" => Ok(Algorithm::Es256),
            _ => Err("there are two"),
        });
        let Some(given) = self.given("assertion_key_file") else {
            self.warnings.push(
                "assertion_key_file is not set: a key is made at each start, so replicas sign with keys of their own, and \
                 apps have to fetch the new one after each restart"
                    .to_owned(),
            );
            return algorithm.map(AssertionKeys::Generated);
        };
        if self.given("assertion_algorithm").is_some_and(|given| !given.is_default()) {
            let what = "assertion_algorithm and assertion_key_file are both set";
            return self.mistake(
                ConfigError::new(what)
                    .hint("leave assertion_algorithm out: a key has an algorithm of its own"),
            );
        }
        let files: Vec<_> = pairs(given.text).collect();
        if !(1..=FILES_MAX).contains(&files.len()) {
            let what = format!("assertion_key_file, set by {}, names {} files", given.origin, files.len());
            let hint = "write the file whose key signs, and at most one more that is published beside it, with a comma between";
            return self.mistake(ConfigError::new(what).hint(hint));
        }
        // All are read, so that all mistakes are told.
        let keys: Vec<_> = files.into_iter().map(|file| self.assertion_key(Path::new(file))).collect();
        let mut keys = keys.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
        match KeyRing::new(keys.next()?, keys.collect()) {
            Ok(ring) => Some(AssertionKeys::Files(Arc::new(ring))),
            Err(error) => self.mistake(
                ConfigError::new(format!("assertion_key_file, set by {}, names a key twice", given.origin))
                    .because(error)
                    .hint(format!("write it once; for another one, {NEW_KEY}")),
            ),
        }
    }

    fn assertion_key(&mut self, path: &Path) -> Option<Key> {
        let file = format!("{}, which assertion_key_file names", path.display());
        let read = read_text(path, FILE_BYTES_MAX).and_then(|text| {
            let mode = std::fs::metadata(path)?.permissions().mode();
            Ok((Secret::new(text), mode))
        });
        let (text, mode) = match read {
            Ok(read) => read,
            Err(error) => {
                let hint = "write the path of a PEM file that the user sidegate runs as may read";
                return self
                    .mistake(ConfigError::new(format!("cannot read {file}")).because(error).hint(hint));
            }
        };
        if mode & OTHERS_READ != 0 {
            self.warnings.push(format!(
                "{file}, may be read by everybody on this machine: whoever reads it can be anybody to your apps"
            ));
        }
        match Key::from_pem(text.expose()) {
            Ok(key) => Some(key),
            Err(error) => self
                .mistake(ConfigError::new(format!("cannot take {file}")).because(error).hint(remedy(error))),
        }
    }
}

fn remedy(error: KeyFileError) -> String {
    match error {
        KeyFileError::Encrypted => {
            "write it anew without its password: `openssl pkcs8 -in FILE -out NEW`, and keep NEW from others"
                .to_owned()
        }
        KeyFileError::OtherForm("SEC 1") => {
            "write it anew as PKCS#8: `openssl pkcs8 -topk8 -nocrypt -in FILE -out NEW`".to_owned()
        }
        KeyFileError::Empty
        | KeyFileError::Several
        | KeyFileError::OtherForm(_)
        | KeyFileError::NotPrivate(_)
        | KeyFileError::OtherAlgorithm(_)
        | KeyFileError::Damaged => NEW_KEY.to_owned(),
    }
}

fn binding(word: &str) -> Result<Binding, String> {
    match word {
        "host" => Ok(Binding::Host),
        "request" => Ok(Binding::Request),
        _ => Err(format!("{word:?} is neither")),
    }
}

/// Where in the file system that name is, whatever it is a link to; `None` if its directory is not there.
fn entry(file: &Path) -> Option<PathBuf> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(directory.canonicalize().ok()?.join(file.file_name()?))
}
