//! The strategy `jwt`: a JWT that the secret signed, or a key of Better Auth's `jwt` plugin.
//!
//! Source: better-auth 1.7.25 `crypto/jwt.ts`, `verifyJWT`, and `plugins/jwt/cookie-cache.ts`; jose 6.2.18 `jwtVerify`.

use hmac::{Hmac, KeyInit as _, Mac};
use serde_json::Value;
use sha2::{Sha256, Sha384, Sha512};

use super::jose::{self, text};
use super::{Opened, PublicKeys, Unusable};
use crate::auth::session::Fields;
use crate::clock::UnixMillis;
use crate::secret::Secret;

/// `typ` of a cookie that a key of the plugin signed, so that no other JWT of its keys passes for one.
const TYPE: &str = "better-auth.session-cache+jwt";
const AUDIENCE: &str = "better-auth:session-cache";
/// Seconds by which clocks may differ. For the end it changes nothing: that is looked at again without it.
pub(super) const TOLERANCE: i64 = 15;

/// The secret as the key of each algorithm that `jose` takes it for. Better Auth signs by HS256 and names none when it
/// verifies, so the header may choose.
pub(super) struct JwtKeys {
    hs256: Hmac<Sha256>,
    hs384: Hmac<Sha384>,
    hs512: Hmac<Sha512>,
}

impl JwtKeys {
    pub(super) fn new(secret: &Secret) -> Self {
        let secret = secret.expose().as_bytes();
        match (Hmac::new_from_slice(secret), Hmac::new_from_slice(secret), Hmac::new_from_slice(secret)) {
            (Ok(hs256), Ok(hs384), Ok(hs512)) => Self { hs256, hs384, hs512 },
            _ => unreachable!("HMAC takes keys of any length (RFC 2104 §2)"),
        }
    }

    /// The claims, if the secret signed them.
    pub(super) fn open(&self, text: &str, now: UnixMillis) -> Result<Opened, Unusable> {
        let jws = Jws::read(text)?;
        match jose::text(&jws.header, "alg") {
            Some("HS256") => jws.verify(self.hs256.clone()),
            Some("HS384") => jws.verify(self.hs384.clone()),
            Some("HS512") => jws.verify(self.hs512.clone()),
            _ => Err(Unusable::Header),
        }?;
        jose::claims(&jose::decode(jws.payload)?, 0, now)
    }
}

/// The claims, if one of `keys` signed them and they are meant to be a session.
pub(super) fn open_public(
    token: &str,
    keys: Option<&dyn PublicKeys>,
    issuer: Option<&str>,
    now: UnixMillis,
) -> Result<Opened, Unusable> {
    let jws = Jws::read(token)?;
    let (Some(TYPE), Some(alg)) = (text(&jws.header, "typ"), text(&jws.header, "alg")) else {
        return Err(Unusable::Header);
    };
    let (Some(kid), Some(keys)) = (text(&jws.header, "kid").filter(|kid| !kid.is_empty()), keys) else {
        return Err(Unusable::UnknownKey);
    };
    if !keys.verify(kid, alg, jws.signing_input.as_bytes(), &jws.signature) {
        return Err(Unusable::Signature);
    }
    let opened = jose::claims(&jose::decode(jws.payload)?, TOLERANCE, now)?;
    check_parties(&opened.content, issuer)?;
    Ok(opened)
}

/// The key that `token` names.
pub(super) fn key_id(token: &str) -> Option<String> {
    text(&Jws::read(token).ok()?.header, "kid").filter(|kid| !kid.is_empty()).map(str::to_owned)
}

/// Who signed, for whom, and of whom: the claims say the same as the session that they hold.
fn check_parties(claims: &Fields, issuer: Option<&str>) -> Result<(), Unusable> {
    let iss = text(claims, "iss").filter(|iss| !iss.is_empty()).ok_or(Unusable::Claim("iss"))?;
    if issuer.is_some_and(|issuer| issuer != iss) {
        return Err(Unusable::Claim("iss"));
    }
    let is_ours = |audience: &Value| audience.as_str() == Some(AUDIENCE);
    if !claims
        .get("aud")
        .is_some_and(|aud| is_ours(aud) || aud.as_array().is_some_and(|all| all.iter().any(is_ours)))
    {
        return Err(Unusable::Claim("aud"));
    }
    let inner =
        |of: &str, name: &str| claims.get(of).and_then(|fields| fields.get(name)).and_then(Value::as_str);
    for (claim, actual) in [("sub", inner("user", "id")), ("sid", inner("session", "token"))] {
        if actual.is_none() || text(claims, claim) != actual {
            return Err(Unusable::Claim(claim));
        }
    }
    Ok(())
}

/// A JWS in its compact serialisation, not verified yet.
struct Jws<'a> {
    header: Fields,
    signing_input: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    fn read(text: &'a str) -> Result<Self, Unusable> {
        let (signing_input, signature) = text.rsplit_once('.').ok_or(Unusable::Form)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Unusable::Form)?;
        if payload.contains('.') {
            return Err(Unusable::Form);
        }
        let header = jose::header(header)?;
        Ok(Self { header, signing_input, payload, signature: jose::decode(signature)? })
    }

    fn verify(&self, mut mac: impl Mac) -> Result<(), Unusable> {
        mac.update(self.signing_input.as_bytes());
        mac.verify_slice(&self.signature).map_err(|_| Unusable::Signature)
    }
}
