//! Signals: those that end the service, and the one that has it look at its settings again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, from the moment this exists.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangups: Option<Hangups>,
}

/// SIGHUP, from the moment this exists: several that nobody has taken yet are one.
#[derive(Debug)]
pub struct Hangups(Signal);

/// Which one came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM
    Terminate,
    /// SIGINT
    Interrupt,
    /// SIGHUP: the terminal is gone
    Hangup,
}

impl Signals {
    /// Takes all three over from their default of ending the process at once, for good.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new() -> io::Result<(Self, Hangups)> {
        let hangups = Hangups(signal(SignalKind::hangup())?);
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok((Self { terminate, interrupt, hangups: None }, hangups))
    }

    /// Ends the service by these too: for one that lives in a terminal and has no settings to look at.
    #[must_use]
    pub fn with_hangups(self, hangups: Hangups) -> Self {
        Self { hangups: Some(hangups), ..self }
    }

    /// The next of them.
    pub async fn next(&mut self) -> Stop {
        let hangup = async {
            match &mut self.hangups {
                Some(hangups) => hangups.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.interrupt.recv() => Stop::Interrupt,
            () = hangup => Stop::Hangup,
        }
    }
}

impl Hangups {
    /// The next one.
    pub async fn next(&mut self) {
        // The stream ends with the runtime, and this with it.
        self.0.recv().await;
    }
}

impl Stop {
    /// The signal's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Hangup => "SIGHUP",
        }
    }
}
