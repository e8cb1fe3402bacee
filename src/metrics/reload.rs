//! What came of reading the configuration again. Named as Prometheus names its own.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Labels;

/// How the configuration in use came about.
#[derive(Clone, Debug)]
pub struct ReloadMetrics {
    reloads: Family<Labels<1>, Counter>,
    is_last_successful: Gauge,
    success: Gauge<f64, AtomicU64>,
    waiting: Gauge,
}

/// What came of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// What was read is used.
    Applied,
    /// There were mistakes in it: what was before is used.
    Refused,
    /// It was what is used already.
    Unchanged,
}

impl Reloaded {
    const ALL: [Self; 3] = [Self::Applied, Self::Refused, Self::Unchanged];

    const fn code(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::Unchanged => "unchanged",
        }
    }
}

impl ReloadMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            reloads: Family::default(),
            is_last_successful: Gauge::default(),
            success: Gauge::default(),
            waiting: Gauge::default(),
        };
        let help = "Times the configuration was read again, by what came of it";
        registry.register("config_reloads", help, metrics.reloads.clone());
        let help = "Whether what the configuration's files hold is right (1) or had to be refused (0)";
        registry.register("config_last_reload_successful", help, metrics.is_last_successful.clone());
        let help = "When the configuration was last read and right, since 1970";
        let name = "config_last_reload_success_timestamp";
        registry.register_with_unit(name, help, Unit::Seconds, metrics.success.clone());
        let help = "Settings that were changed and take effect at the next start";
        registry.register("config_settings_waiting_for_start", help, metrics.waiting.clone());
        for outcome in Reloaded::ALL {
            metrics.count(outcome);
        }
        metrics
    }

    /// It was read for the first time, at an instant since 1970.
    pub fn loaded(&self, at: Duration) {
        self.is_last_successful.set(1);
        self.success.set(at.as_secs_f64());
    }

    /// It was read again.
    pub fn reloaded(&self, outcome: Reloaded, at: Duration) {
        self.count(outcome).inc();
        match outcome {
            Reloaded::Applied | Reloaded::Unchanged => self.loaded(at),
            Reloaded::Refused => drop(self.is_last_successful.set(0)),
        }
    }

    /// So many settings were changed that take effect at the next start.
    pub fn wait_for_start(&self, settings: usize) {
        self.waiting.set(i64::try_from(settings).unwrap_or(i64::MAX));
    }

    fn count(&self, outcome: Reloaded) -> Counter {
        self.reloads.get_or_create(&[("outcome", outcome.code())]).clone()
    }
}
