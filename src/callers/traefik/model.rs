//! Routers with the middlewares that their requests run through, in order.

use super::super::tree::Node;
use super::entry_points::EntryPoints;

/// `chain` middlewares that hold each other.
const CHAIN_DEPTH_MAX: usize = 16;
/// What a router may run through, chains of chains included.
const CHAIN_MAX: usize = 1_000;

/// A middleware and its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Middleware<'a> {
    pub(super) name: &'a str,
    pub(super) node: &'a Node,
}

/// A router, or a rule of an `IngressRoute`.
#[derive(Debug)]
pub(super) struct Router<'a> {
    pub(super) node: &'a Node,
    pub(super) services: Vec<&'a str>,
    pub(super) chain: Vec<Middleware<'a>>,
}

/// All of a file.
#[derive(Debug, Default)]
pub(super) struct Model<'a> {
    middlewares: Vec<Middleware<'a>>,
    pub(super) routers: Vec<Router<'a>>,
}

impl<'a> Model<'a> {
    pub(super) fn of(roots: &'a [Node], entry_points: &EntryPoints<'a>) -> Self {
        let mut model = Self::default();
        for root in roots {
            let named = root.at(&["http", "middlewares"]).map_or(&[][..], Node::entries);
            model.middlewares.extend(named.iter().map(|(name, node)| Middleware { name, node }));
            if let ("Middleware", Some(node)) = (root.word("kind"), root.get("spec")) {
                let name = root.get("metadata").map_or("", |metadata| metadata.word("name"));
                model.middlewares.push(Middleware { name, node });
            }
        }
        for root in roots {
            for (_, node) in root.at(&["http", "routers"]).map_or(&[][..], Node::entries) {
                let names = entry_points.middlewares.iter().copied().chain(node.words("middlewares"));
                let services = node.words("service");
                model.add_router(node, names, services);
            }
            for node in root.get("spec").map_or(&[][..], |spec| spec.list("routes")) {
                let of = |key| node.list(key).iter().map(|item| item.word("name"));
                let names = entry_points.middlewares.iter().copied().chain(of("middlewares"));
                model.add_router(node, names, of("services").collect());
            }
        }
        model
    }

    fn add_router(&mut self, node: &'a Node, names: impl Iterator<Item = &'a str>, services: Vec<&'a str>) {
        let mut chain = Vec::new();
        for name in names {
            self.unfold(name, 0, &mut chain);
        }
        self.routers.push(Router { node, services, chain });
    }

    fn unfold(&self, name: &str, depth: usize, chain: &mut Vec<Middleware<'a>>) {
        // `sidegate@file` is `sidegate` of the file provider.
        let name = name.split('@').next().unwrap_or(name);
        let Some(middleware) = self.middlewares.iter().find(|middleware| middleware.name == name) else {
            return;
        };
        let Some(inner) = middleware.node.get("chain") else {
            if chain.len() < CHAIN_MAX {
                chain.push(*middleware);
            }
            return;
        };
        if depth < CHAIN_DEPTH_MAX && chain.len() < CHAIN_MAX {
            let items = inner.list("middlewares").iter();
            // In Kubernetes each is a map with a name, in files a text.
            for name in items.map(|item| item.text().unwrap_or_else(|| item.word("name"))) {
                self.unfold(name, depth + 1, chain);
            }
        }
    }

    /// The `forwardAuth` blocks.
    pub(super) fn auths(&self) -> impl Iterator<Item = &'a Node> {
        self.middlewares.iter().filter_map(Middleware::auth)
    }
}

impl<'a> Middleware<'a> {
    fn auth(&self) -> Option<&'a Node> {
        self.node.get("forwardAuth")
    }

    /// Whether the app gets another path than the one that came.
    pub(super) fn changes_path(&self) -> bool {
        ["stripPrefix", "stripPrefixRegex", "addPrefix", "replacePath", "replacePathRegex"]
            .iter()
            .any(|kind| self.node.get(kind).is_some())
    }
}

impl<'a> Router<'a> {
    /// The first question that is asked.
    pub(super) fn auth(&self) -> Option<&'a Node> {
        self.chain.iter().find_map(Middleware::auth)
    }

    fn position(&self, auth: &Node) -> Option<usize> {
        self.chain.iter().position(|one| one.auth().is_some_and(|own| std::ptr::eq(own, auth)))
    }

    /// What runs before a question, if that is asked here.
    pub(super) fn before(&self, auth: &Node) -> Option<&[Middleware<'a>]> {
        self.chain.get(..self.position(auth)?)
    }

    /// What runs after it.
    pub(super) fn after(&self, auth: &Node) -> &[Middleware<'a>] {
        self.position(auth).and_then(|at| self.chain.get(at + 1..)).unwrap_or_default()
    }
}
