//! Every metric, declared once. Names and labels are interface; a label is a word of ours, never a client's.

mod reload;

use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use self::reload::{ReloadMetrics, Reloaded};

/// `static` on both sides: nothing that a client sends can become a label.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionLabels {
    /// Which caller asked: a dialect's code.
    pub dialect: &'static str,
    /// `allow`, `unauthenticated`, `forbidden`, `unavailable` or `refused`.
    pub outcome: &'static str,
    /// The denial's or refusal's code; empty for the others.
    pub reason: &'static str,
    /// `hit`, `miss`, `cookie` where Better Auth's cookie cache was believed, or `none` where no lookup was needed.
    pub cache: &'static str,
}

/// Times of lookups, by result.
#[derive(Clone, Debug)]
pub struct Lookups(Family<Labels<1>, Histogram, fn() -> Histogram>);

/// Ages of `session_data` cookies that were believed.
#[derive(Clone, Debug)]
pub struct CookieCacheAges(Histogram);

impl CookieCacheAges {
    /// One was believed that was written so long ago.
    pub fn told(&self, age: Duration) {
        self.0.observe(age.as_secs_f64());
    }
}

/// What became of a signed assertion that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionOutcome {
    /// It was signed.
    Signed,
    /// One was there that is good enough.
    Reused,
    /// What must be said does not fit into one.
    LeftOut,
}

/// Assertions, by what became of them.
#[derive(Clone, Debug)]
pub struct AssertionMetrics {
    signed: Counter,
    reused: Counter,
    left_out: Counter,
}

impl AssertionMetrics {
    fn new(family: &Family<Labels<1>, Counter>) -> Self {
        let counter = |outcome| family.get_or_create(&[("outcome", outcome)]).clone();
        Self { signed: counter("signed"), reused: counter("reused"), left_out: counter("left_out") }
    }

    /// One ended so.
    pub fn count(&self, outcome: AssertionOutcome) {
        let counter = match outcome {
            AssertionOutcome::Signed => &self.signed,
            AssertionOutcome::Reused => &self.reused,
            AssertionOutcome::LeftOut => &self.left_out,
        };
        counter.inc();
    }
}

/// What is heard of revocations.
#[derive(Clone, Debug)]
pub struct RevocationMetrics {
    heard: Family<Labels<2>, Counter>,
    lag: Family<Labels<1>, Histogram, fn() -> Histogram>,
    up: Family<Labels<1>, Gauge>,
    evictions: Family<Labels<1>, Counter>,
}

impl RevocationMetrics {
    fn new() -> Self {
        Self {
            heard: Family::default(),
            lag: Family::new_with_constructor(|| Histogram::new(LAG_BUCKETS)),
            up: Family::default(),
            evictions: Family::default(),
        }
    }

    /// Whether `channel` tells of revocations now.
    pub fn heard(&self, channel: &'static str, is_up: bool) {
        self.up.get_or_create(&[("channel", channel)]).set(i64::from(is_up));
    }

    /// One was heard of on `channel`, naming a `kind`, that long after it was written.
    pub fn revoked(&self, channel: &'static str, kind: &'static str, lag: Option<Duration>) {
        self.heard.get_or_create(&[("channel", channel), ("kind", kind)]).inc();
        if let Some(lag) = lag {
            self.lag.get_or_create(&[("channel", channel)]).observe(lag.as_secs_f64());
        }
    }
}

/// What is counted and measured while serving.
pub struct Metrics {
    registry: Registry,
    decisions: Family<Labels<4>, Counter>,
    let_by: Family<Labels<2>, Counter>,
    lookups: Lookups,
    api_keys: Lookups,
    refreshes: Lookups,
    cookie_cache_ages: CookieCacheAges,
    revocations: RevocationMetrics,
    assertions: AssertionMetrics,
    reloads: ReloadMetrics,
    connections: Gauge,
    log_events_lost: Counter,
    cache_entries: Gauge,
    store_connections: Family<Labels<1>, Gauge>,
}

/// What is read at the moment of a scrape rather than counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapshot {
    /// Answers that revocations made worthless so far, by what those named.
    pub evictions: [(&'static str, u64); 4],
    /// Sessions and absences that the cache remembers.
    pub cache_entries: u64,
    /// Store connections at work.
    pub store_busy: usize,
    /// Store connections waiting.
    pub store_idle: usize,
}

/// Upper bounds in seconds: the measured floor of a lookup is about 0.1 ms, the default `store_timeout` 0.5 s.
const LOOKUP_BUCKETS: [f64; 11] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/// Upper bounds in seconds: from a push to several polls.
const LAG_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Upper bounds in seconds, up to a day: Better Auth's `cookieCache.maxAge` is five minutes by default.
const AGE_BUCKETS: [f64; 8] = [1.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 86400.0];

impl Metrics {
    /// All metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("sidegate");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running program", build);

        let decisions = Family::default();
        let help = "Requests answered, by caller, outcome, reason and cache state";
        registry.register("decisions", help, Family::clone(&decisions));

        let let_by = Family::default();
        let help = "Requests that passed as nobody's because mode is shadow, by caller and by what would have stopped them";
        registry.register("shadow_passes", help, Family::clone(&let_by));

        let lookups = Lookups::new();
        let help = "Time one question to the session store took, cache hits excluded";
        registry.register_with_unit("store_lookup", help, Unit::Seconds, lookups.0.clone());

        let api_keys = Lookups::new();
        let help = "Time one question to Better Auth about an API key took, by verdict, cache hits excluded";
        registry.register_with_unit("api_key_check", help, Unit::Seconds, api_keys.0.clone());

        let refreshes = Lookups::new();
        let help = "Time Better Auth took to prolong a session, by result";
        registry.register_with_unit("refresh", help, Unit::Seconds, refreshes.0.clone());

        let cookie_cache_ages = CookieCacheAges(Histogram::new(AGE_BUCKETS));
        let help = "Age of the session_data cookies that were believed in the place of the store";
        registry.register_with_unit("cookie_cache_age", help, Unit::Seconds, cookie_cache_ages.0.clone());

        let revocations = RevocationMetrics::new();
        let help = "Revocations heard of, by channel and by what they name";
        registry.register("revocations", help, revocations.heard.clone());
        let help = "Time from when a revocation was written, by the store's clock, until it had effect here";
        registry.register_with_unit("revocation_lag", help, Unit::Seconds, revocations.lag.clone());
        let help = "Whether revocations are heard of (1) or the channel is out of reach (0)";
        registry.register("revocation_channel_up", help, revocations.up.clone());
        let help = "Remembered answers that a revocation made worthless, by what it named";
        registry.register("cache_evictions", help, revocations.evictions.clone());

        let assertions = Family::default();
        let help = "Signed assertions handed out, by whether each was signed for its request";
        registry.register("assertions", help, Family::clone(&assertions));
        let reloads = ReloadMetrics::new(&mut registry);

        let connections = Gauge::default();
        let help = "Client connections open on the gate's listener";
        registry.register("connections", help, Gauge::clone(&connections));

        let log_events_lost = Counter::default();
        let help = "Log events left out because standard error did not take them in time";
        registry.register("log_events_lost", help, Counter::clone(&log_events_lost));

        let cache_entries = Gauge::default();
        let help = "Sessions and brief absences that the cache remembers";
        registry.register("cache_entries", help, Gauge::clone(&cache_entries));

        let store_connections = Family::default();
        let help = "Connections open to the session store, by state";
        registry.register("store_connections", help, Family::clone(&store_connections));

        Self {
            registry,
            decisions,
            let_by,
            lookups,
            api_keys,
            refreshes,
            cookie_cache_ages,
            revocations,
            assertions: AssertionMetrics::new(&assertions),
            reloads,
            connections,
            log_events_lost,
            cache_entries,
            store_connections,
        }
    }

    /// The counter of one outcome, to be kept where it is needed often.
    #[must_use]
    pub fn decision(&self, labels: &DecisionLabels) -> Counter {
        let DecisionLabels { dialect, outcome, reason, cache } = *labels;
        let labels = [("dialect", dialect), ("outcome", outcome), ("reason", reason), ("cache", cache)];
        self.decisions.get_or_create(&labels).clone()
    }

    /// One passed that would not have, for this reason, because nothing is enforced.
    pub fn let_by(&self, dialect: &'static str, reason: &'static str) {
        self.let_by.get_or_create(&[("dialect", dialect), ("reason", reason)]).inc();
    }

    /// Where a store reports its lookups.
    #[must_use]
    pub fn lookups(&self) -> Lookups {
        self.lookups.clone()
    }

    /// Where questions about API keys are reported.
    #[must_use]
    pub fn api_keys(&self) -> Lookups {
        self.api_keys.clone()
    }

    /// Where refreshes are reported.
    #[must_use]
    pub fn refreshes(&self) -> Lookups {
        self.refreshes.clone()
    }

    /// Where answers that rest on the cookie cache are reported.
    #[must_use]
    pub fn cookie_cache_ages(&self) -> CookieCacheAges {
        self.cookie_cache_ages.clone()
    }

    /// Where revocations are reported.
    #[must_use]
    pub fn revocations(&self) -> RevocationMetrics {
        self.revocations.clone()
    }

    /// Where assertions are reported.
    #[must_use]
    pub fn assertions(&self) -> AssertionMetrics {
        self.assertions.clone()
    }

    /// Where it is reported that the configuration was read.
    #[must_use]
    pub fn reloads(&self) -> ReloadMetrics {
        self.reloads.clone()
    }

    /// Open connections on the gate's listener.
    #[must_use]
    pub fn connections(&self) -> &Gauge {
        &self.connections
    }

    /// Log events that were left out.
    #[must_use]
    pub fn log_events_lost(&self) -> &Counter {
        &self.log_events_lost
    }

    /// All of them in the `OpenMetrics` text format.
    #[must_use]
    pub fn encode(&self, snapshot: Snapshot) -> String {
        self.cache_entries.set(i64::try_from(snapshot.cache_entries).unwrap_or(i64::MAX));
        for (cause, evicted) in snapshot.evictions {
            let counter = self.revocations.evictions.get_or_create(&[("cause", cause)]);
            counter.inc_by(evicted.saturating_sub(counter.get()));
        }
        for (state, open) in [("busy", snapshot.store_busy), ("idle", snapshot.store_idle)] {
            let open = i64::try_from(open).unwrap_or(i64::MAX);
            self.store_connections.get_or_create(&[("state", state)]).set(open);
        }
        let mut page = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Lookups {
    fn new() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(LOOKUP_BUCKETS)))
    }

    /// One lookup ended so after that long.
    pub fn took(&self, result: &'static str, time: Duration) {
        self.0.get_or_create(&[("result", result)]).observe(time.as_secs_f64());
    }
}
