//! TXT values of DNS-01 challenges (RFC 8555 §8.4).

mod txt;
mod value;

pub use self::txt::{DesiredState, IN_FLIGHT, SHOWN, TXT_TTL, TxtRecord, TxtStatus};
pub use self::value::is_challenge_value;
