//! Logging: set up once, to standard error, for people or for collectors.
//!
//! What may be logged is decided where it is logged; the rule is that no token, cookie, signature or secret ever is.

mod writer;

use prometheus_client::metrics::counter::Counter;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use self::writer::Writing;

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// How an event looks.
    pub format: LogFormat,
    /// The least important events that are told.
    pub level: Level,
    /// Whether each denial is one.
    pub denials: bool,
}

/// How an event looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// The target of denials, so that they can be turned off by themselves.
pub const DENIALS: &str = "sidegate::denials";

/// Sends events to standard error from now on, until what is returned is dropped. `lost` counts those that had to be
/// left out because standard error did not take them.
#[must_use = "dropping it ends the log"]
pub fn init(options: LogOptions, lost: Counter) -> Writing {
    let denials = if options.denials { LevelFilter::from_level(options.level) } else { LevelFilter::OFF };
    let wanted = Targets::new()
        // Libraries speak up only when something is wrong: their debug events may quote what they transport.
        .with_default(LevelFilter::WARN.min(LevelFilter::from_level(options.level)))
        // sqlx's warnings quote connection parameters, passwords among them. What matters of them we tell ourselves.
        .with_target("sqlx", LevelFilter::OFF)
        .with_target("sidegate", options.level)
        .with_target(DENIALS, denials);
    let (queue, writing) = writer::start(lost);
    let lines = tracing_subscriber::fmt::layer().with_writer(queue).with_ansi(false);
    let lines = match options.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // A process has one log: that it was set before is no reason to fail.
    let _ = tracing_subscriber::registry().with(lines.with_filter(wanted)).try_init();
    std::panic::set_hook(Box::new(|panic| {
        // Where, not what: a message may hold what was being worked on.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a defect of sidegate ended this connection or lookup");
    }));
    writing
}
