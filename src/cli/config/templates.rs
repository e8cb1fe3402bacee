//! The shipped files, and where in them sidegate's address stands.

/// A proxy, or one way to configure it.
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) files: &'static [File],
    pub(super) place: Place,
}

/// One shipped file.
pub(super) struct File {
    pub(super) name: &'static str,
    /// What begins a comment in it.
    pub(super) comment: &'static str,
    pub(super) text: &'static str,
}

/// How a caller's file writes an address.
pub(super) enum Place {
    /// Host and port with a colon; a UNIX socket as its path after that, if the caller can ask one.
    Authority { unix: Option<&'static str> },
    /// Envoy's `core.v3.Address`.
    EnvoyAddress,
}

pub(super) const CALLERS: &[Caller] = &[
    Caller {
        name: "nginx",
        files: &[
            file("sidegate.conf", include_str!("../../../nginx/sidegate.conf")),
            file("sidegate-server.conf", include_str!("../../../nginx/sidegate-server.conf")),
            file("protect.conf", include_str!("../../../nginx/protect.conf")),
            file("public.conf", include_str!("../../../nginx/public.conf")),
            file("login-redirect.conf", include_str!("../../../nginx/login-redirect.conf")),
            file("refresh.conf", include_str!("../../../nginx/refresh.conf")),
        ],
        place: Place::Authority { unix: Some("unix:") },
    },
    Caller {
        name: "traefik",
        files: &[
            file("traefik.yml", include_str!("../../../deploy/traefik/traefik.yml")),
            file("dynamic.yml", include_str!("../../../deploy/traefik/dynamic.yml")),
        ],
        place: Place::Authority { unix: None },
    },
    Caller {
        name: "envoy",
        files: &[file("envoy-http.yaml", include_str!("../../../deploy/envoy/envoy-http.yaml"))],
        place: Place::EnvoyAddress,
    },
    Caller {
        name: "envoy-grpc",
        files: &[file("envoy-grpc.yaml", include_str!("../../../deploy/envoy/envoy-grpc.yaml"))],
        place: Place::EnvoyAddress,
    },
    Caller {
        name: "caddy",
        files: &[file("Caddyfile", include_str!("../../../deploy/caddy/Caddyfile"))],
        place: Place::Authority { unix: Some("unix/") },
    },
    Caller {
        name: "haproxy",
        files: &[
            file("haproxy.cfg", include_str!("../../../deploy/haproxy/haproxy.cfg")),
            lua("sidegate.lua", include_str!("../../../deploy/haproxy/sidegate.lua")),
        ],
        place: Place::Authority { unix: Some("unix@") },
    },
];

impl Place {
    /// What the shipped files say: sidegate's default.
    pub(super) const fn shipped(&self) -> &'static str {
        match self {
            Self::Authority { .. } => "127.0.0.1:4180",
            Self::EnvoyAddress => "{ socket_address: { address: 127.0.0.1, port_value: 4180 } }",
        }
    }
}

const fn file(name: &'static str, text: &'static str) -> File {
    File { name, comment: "#", text }
}

const fn lua(name: &'static str, text: &'static str) -> File {
    File { name, comment: "--", text }
}
