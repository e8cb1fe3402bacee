//! Which strings Better Auth turns into dates when it reads JSON, and which instants they are.
//!
//! Source: better-auth 1.7.25 `@better-auth/core/utils/json`, `reviveDate`, and the date parser of V8 behind it.

use jiff::civil::DateTime;

use crate::clock::UnixMillis;

/// The last instant with a year of four digits, 9999-12-31T23:59:59.999Z: later ones are written in another form.
const LAST: i64 = 253_402_300_799_999;
/// V8 misreads longer fractions that begin with zeros.
const FRACTION_DIGITS_MAX: usize = 9;

/// What becomes of a string.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Revived {
    /// It stays one.
    Text,
    /// It becomes this date, which `toISOString` writes in its own way.
    Date(UnixMillis),
    /// It becomes a date that programs differ about.
    Doubtful,
}

/// `\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z`, and a date to V8: days up to 31 in every month, and midnight as 24:00.
pub(super) fn revive(text: &str) -> Revived {
    let Some((moment, fraction)) =
        text.strip_suffix('Z').map(|rest| rest.split_once('.').unwrap_or((rest, "0")))
    else {
        return Revived::Text;
    };
    let Some(parts) = parts(moment.as_bytes()) else { return Revived::Text };
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Revived::Text;
    }
    let [year, month, day, hour, minute, second] = parts;
    let midnight = minute == 0 && second == 0 && fraction.bytes().all(|digit| digit == b'0');
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (hour < 24 || hour == 24 && midnight)
        && minute < 60
        && second < 60;
    if !valid {
        return Revived::Text;
    }
    let millis =
        fraction.bytes().chain(*b"00").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let in_day = ((i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second)) * 1000 + millis;
    match month_start(year, month) {
        Some(start) if fraction.len() <= FRACTION_DIGITS_MAX => {
            let at = start + i64::from(day - 1) * 86_400_000 + in_day;
            if at <= LAST { Revived::Date(UnixMillis::new(at)) } else { Revived::Doubtful }
        }
        _ => Revived::Doubtful,
    }
}

/// The numbers of `YYYY-MM-DDThh:mm:ss`.
fn parts(text: &[u8]) -> Option<[i16; 6]> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1] = text else {
        return None;
    };
    let number = |digits: &[&u8]| {
        digits.iter().try_fold(0, |sum: i16, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + i16::from(**digit - b'0'))
        })
    };
    Some([
        number(&[y0, y1, y2, y3])?,
        number(&[m0, m1])?,
        number(&[d0, d1])?,
        number(&[h0, h1])?,
        number(&[n0, n1])?,
        number(&[s0, s1])?,
    ])
}

fn month_start(year: i16, month: i16) -> Option<i64> {
    let start = DateTime::new(year, i8::try_from(month).ok()?, 1, 0, 0, 0, 0).ok()?;
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    i64::try_from(start.duration_since(epoch).as_millis()).ok()
}
