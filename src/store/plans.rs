//! The plan that holds now: made on first use, looked at anew once in a while, and when the database says that it no
//! longer fits. Whoever needs one while another makes it waits for that one, or goes on with the one before.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::MutexGuard;

use super::plan::Plan;

/// The present plan.
pub(super) struct Plans {
    present: Mutex<Option<(Arc<Plan>, Instant)>>,
    making: tokio::sync::Mutex<()>,
    age_max: Duration,
}

/// What somebody who needs a plan has to do.
pub(super) enum Now<'a> {
    /// Use this one.
    Good(Arc<Plan>),
    /// Make one, for there is none that allows a lookup.
    Missing(Making<'a>),
    /// Make one, for that one is old. It holds for a while longer if none can be made.
    Old(Arc<Plan>, Making<'a>),
}

/// The task of making a plan, which one has at a time.
pub(super) struct Making<'a> {
    plans: &'a Plans,
    _turn: MutexGuard<'a, ()>,
}

impl Plans {
    pub(super) fn new(age_max: Duration) -> Self {
        Self { present: Mutex::new(None), making: tokio::sync::Mutex::new(()), age_max }
    }

    pub(super) async fn now(&self) -> Now<'_> {
        let asked = Instant::now();
        match self.present() {
            Some((plan, made)) if plan.lookup.is_ok() => {
                if made.elapsed() < self.age_max {
                    return Now::Good(plan);
                }
                let Ok(turn) = self.making.try_lock() else { return Now::Good(plan) };
                self.keep(Arc::clone(&plan));
                Now::Old(plan, Making { plans: self, _turn: turn })
            }
            // One that allows no lookup is made anew each time: whoever mends the tables waits for nothing.
            Some(_) | None => {
                let turn = self.making.lock().await;
                match self.present() {
                    Some((plan, made)) if made >= asked => Now::Good(plan),
                    Some(_) | None => Now::Missing(Making { plans: self, _turn: turn }),
                }
            }
        }
    }

    /// Where `outdated` proved to be so.
    pub(super) async fn newer_than(&self, outdated: &Arc<Plan>) -> Now<'_> {
        let turn = self.making.lock().await;
        match self.present() {
            Some((plan, _)) if !Arc::ptr_eq(&plan, outdated) => Now::Good(plan),
            Some(_) | None => Now::Missing(Making { plans: self, _turn: turn }),
        }
    }

    fn present(&self) -> Option<(Arc<Plan>, Instant)> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, plan: Arc<Plan>) {
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = Some((plan, Instant::now()));
    }
}

impl Making<'_> {
    pub(super) fn done(self, plan: Plan) -> Arc<Plan> {
        let plan = Arc::new(plan);
        self.plans.keep(Arc::clone(&plan));
        plan
    }
}
