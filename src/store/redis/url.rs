//! URLs of Redis servers: where they are, who asks, and whom to believe.

use std::time::Duration;

use redis::cluster::ClusterClientBuilder;
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion,
    RedisError, TlsCertificates,
};

use super::super::StoreOptions;
use super::super::sql::parameters;
use super::link::Server;

/// What a URL says.
pub(super) struct Target {
    pub(super) server: Server,
    /// Parameters that mean nothing.
    pub(super) ignored: Vec<String>,
}

/// The servers that a URL names: one, or some of a cluster's.
#[derive(Clone)]
pub(super) struct Servers {
    pub(super) infos: Vec<ConnectionInfo>,
    certificates: Option<TlsCertificates>,
    pub(super) is_cluster: bool,
    pub(super) connect_timeout: Duration,
}

/// As redis-py spells them: the authority, and the client's own certificate and key, all PEM.
const TLS_PARAMETERS: [&str; 3] = ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"];
const UNIX_PARAMETERS: [&str; 3] = ["db", "user", "pass"];

/// How often a cluster is asked again while it rearranges itself; all within the lookup's own time.
const CLUSTER_RETRIES: u32 = 3;
/// Which part of the time for a connection each node has: where one hangs, the others are still connected to in time.
const NODE_SHARE: u32 = 3;

/// Reads a URL, and the files that it names.
///
/// # Errors
/// What is wrong, without a word of the URL.
pub(super) fn read(url: &str, store: &StoreOptions) -> Result<Target, String> {
    let known = parameters_of(url);
    let ignored = parameters(url).filter(|name| !known.contains(name)).map(str::to_owned).collect();
    let servers = Servers::of(url, store.connect_timeout)?;
    let server = if servers.is_cluster { cluster(servers, store) } else { one(servers) };
    Ok(Target { server: server?, ignored })
}

impl Servers {
    /// The servers that a URL names, whose files are read.
    ///
    /// # Errors
    /// What is wrong, without a word of the URL.
    pub(super) fn of(url: &str, connect_timeout: Duration) -> Result<Self, String> {
        if url.contains('#') {
            return Err("it has a fragment; certificates are always checked".to_owned());
        }
        let certificates = certificates(url, parameters_of(url))?;
        let url = with_own_parameters(url);
        let (scheme, _) = url.split_once(':').unwrap_or_default();
        let cluster = scheme.strip_suffix("-cluster");
        let infos = match cluster {
            Some(scheme) => nodes(scheme, &url)?,
            None => vec![info(&url)?],
        };
        Ok(Self { infos, certificates, is_cluster: cluster.is_some(), connect_timeout })
    }

    pub(super) fn client(&self, info: ConnectionInfo) -> Result<Client, RedisError> {
        match &self.certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }
}

fn parameters_of(url: &str) -> &'static [&'static str] {
    match url.split_once(':').unwrap_or_default().0 {
        "rediss" | "valkeys" | "rediss-cluster" => &TLS_PARAMETERS,
        "redis+unix" | "unix" => &UNIX_PARAMETERS,
        _ => &[],
    }
}

/// The URL as the crate knows it, whose own parameters are those of a socket and one that it would quote.
fn with_own_parameters(url: &str) -> String {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let own = |pair: &&str| pair.split('=').next().is_some_and(|name| UNIX_PARAMETERS.contains(&name));
    let query: Vec<_> = query.split('&').filter(own).collect();
    format!("{place}?{}", query.join("&"))
}

fn one(mut servers: Servers) -> Result<Server, String> {
    let info = servers.infos.swap_remove(0);
    servers.client(info).map(|client| Server::One(Box::new(client))).map_err(|error| told(&error))
}

/// `redis-cluster://user:password@one:6379,two:6379`: some of the nodes, one of which must be up when sidegate connects.
fn nodes(scheme: &str, url: &str) -> Result<Vec<ConnectionInfo>, String> {
    let (_, rest) = url.split_once("://").ok_or("there is no // after the scheme")?;
    let (authority, database) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    let separator = if user.is_empty() { "" } else { "@" };
    hosts.split(',').map(|host| info(&format!("{scheme}://{user}{separator}{host}{database}"))).collect()
}

fn cluster(servers: Servers, store: &StoreOptions) -> Result<Server, String> {
    let mut builder = ClusterClientBuilder::new(servers.infos)
        .retries(CLUSTER_RETRIES)
        .connection_timeout(store.connect_timeout / NODE_SHARE)
        // The lookup's own time ends before.
        .response_timeout(store.timeout.saturating_mul(2));
    if let Some(certificates) = servers.certificates {
        builder = builder.certs(certificates);
    }
    builder.build().map(|client| Server::Cluster(Box::new(client))).map_err(|error| told(&error))
}

fn info(url: &str) -> Result<ConnectionInfo, String> {
    let info = url.into_connection_info().map_err(|error| told(&error))?;
    if matches!(info.addr(), ConnectionAddr::Unix(path) if path.as_os_str().is_empty()) {
        return Err("it names no socket".to_owned());
    }
    // The older protocol has all that a GET needs, and every server and proxy speaks it. Nobody has to be told which
    // library this is, least of all where a user may do nothing but GET.
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
    Ok(info.set_redis_settings(settings))
}

/// The crate's errors name what is wrong and quote nothing of what is left of the URL.
fn told(error: &RedisError) -> String {
    error.to_string()
}

/// What the URL's parameters name; `None` if it names nothing.
fn certificates(url: &str, known: &[&str]) -> Result<Option<TlsCertificates>, String> {
    if known != TLS_PARAMETERS {
        return Ok(None);
    }
    let [root_cert, client_cert, client_key] = TLS_PARAMETERS.map(|name| pem(url, name));
    let (root_cert, client_cert, client_key) = (root_cert?, client_cert?, client_key?);
    let client_tls = match (client_cert, client_key) {
        (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err("ssl_certfile and ssl_keyfile go together".to_owned());
        }
    };
    let has_any = root_cert.is_some() || client_tls.is_some();
    Ok(has_any.then_some(TlsCertificates { client_tls, root_cert }))
}

fn pem(url: &str, parameter: &str) -> Result<Option<Vec<u8>>, String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == parameter);
    let Some((_, path)) = value else {
        return Ok(None);
    };
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let pem = std::fs::read(&*path).map_err(|error| format!("{parameter} cannot be read: {error}"))?;
    // Read as PEM, anything else would be an authority that vouches for nobody.
    if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return Err(format!("{parameter} is no PEM file"));
    }
    Ok(Some(pem))
}

const BEGIN: &[u8] = b"-----BEGIN ";
