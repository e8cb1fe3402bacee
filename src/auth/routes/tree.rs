//! Routes of one host, by the segments of their paths.

use std::collections::BTreeMap;

use super::{Holds, Methods, Route};
use crate::auth::pattern::Segment;

/// What can follow one place in a path.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Routes that end here, by their places in the list; those with listed methods first.
    here: Vec<usize>,
    literals: BTreeMap<String, Tree>,
    /// The more specific first.
    parameters: BTreeMap<Segment, Tree>,
    /// The same, of those that take the rest.
    rests: BTreeMap<Segment, Tree>,
}

impl Tree {
    pub(super) fn insert(&mut self, route: &Route, index: usize) {
        let mut tree = self;
        for segment in route.path.segments() {
            tree = match segment.literal() {
                Some(literal) => tree.literals.entry(literal.to_owned()).or_default(),
                None if segment.takes_the_rest() => tree.rests.entry(segment.clone()).or_default(),
                None => tree.parameters.entry(segment.clone()).or_default(),
            };
        }
        tree.here.push(index);
    }

    /// Puts the more specific before the less specific, and names the pairs of which neither is.
    pub(super) fn order(&mut self, routes: &[Route], conflicts: &mut Vec<(usize, usize)>) {
        let is_all = |index: &usize| routes.get(*index).is_some_and(|route| route.methods == Methods::All);
        self.here.sort_by_key(is_all);
        each_pair(&self.here, |one, other| {
            let (Some(a), Some(b)) = (routes.get(*one), routes.get(*other)) else { return };
            if a.methods.conflict_with(&b.methods) {
                conflicts.push((*one, *other));
            }
        });
        for children in [&self.parameters, &self.rests] {
            let children: Vec<_> = children.iter().collect();
            each_pair(&children, |(one, tree), (other, other_tree)| {
                if one.compare(other).is_eq() && !one.excludes(other) {
                    conflicts.extend(tree.indices().next().zip(other_tree.indices().next()));
                }
            });
        }
        for child in self.children_mut() {
            child.order(routes, conflicts);
        }
    }

    /// All routes, the more specific first.
    pub(super) fn indices(&self) -> Box<dyn Iterator<Item = usize> + '_> {
        let children =
            self.literals.values().chain(self.parameters.iter().chain(&self.rests).map(|(_, tree)| tree));
        Box::new(self.here.iter().copied().chain(children.flat_map(Self::indices)))
    }

    /// The most specific route for an absolute path whose methods are meant.
    pub(super) fn find(&self, path: &str, holds: Holds<'_>, routes: &[Route]) -> Option<usize> {
        self.follow(path.strip_prefix('/'), holds, routes)
    }

    /// The same for what is left of a path, if anything is. No place is looked at twice, for each is reached in one way.
    fn follow(&self, rest: Option<&str>, holds: Holds<'_>, routes: &[Route]) -> Option<usize> {
        let Some(rest) = rest else { return self.at_its_end(holds, routes) };
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        let literal = self.literals.get(segment);
        let parameters =
            self.parameters.iter().filter(|(pattern, _)| pattern.matches(segment)).map(|(_, tree)| tree);
        let mut found =
            literal.into_iter().chain(parameters).filter_map(|tree| tree.follow(after, holds, routes));
        found.next().or_else(|| {
            let rests = self.rests.iter().filter(|(pattern, _)| pattern.matches(rest));
            rests.map(|(_, tree)| tree).find_map(|tree| tree.at_its_end(holds, routes))
        })
    }

    fn at_its_end(&self, holds: Holds<'_>, routes: &[Route]) -> Option<usize> {
        self.here.iter().copied().find(|index| routes.get(*index).is_some_and(|route| holds(&route.methods)))
    }

    fn children_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        let others = self.parameters.iter_mut().chain(&mut self.rests).map(|(_, tree)| tree);
        self.literals.values_mut().chain(others)
    }
}

fn each_pair<T>(items: &[T], mut visit: impl FnMut(&T, &T)) {
    for (index, one) in items.iter().enumerate() {
        for other in items.iter().skip(index + 1) {
            visit(one, other);
        }
    }
}
