//! Import circles between the files of a crate.

use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry};

use super::modules::Crate;

/// The circles of a crate, one line each: the shortest way round, with a name that each file uses of the next.
#[must_use]
pub fn circles(of: &Crate) -> Vec<String> {
    let mut graph: BTreeMap<usize, BTreeMap<usize, String>> = BTreeMap::new();
    for (from, to, name) in of.edges() {
        graph.entry(from).or_default().entry(to).or_insert(name);
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for start in 0..of.files.len() {
        let Some(way) = shortest_way_back(&graph, start) else {
            continue;
        };
        // A circle is told once, from the first of its files.
        if seen.insert(way.iter().copied().collect::<BTreeSet<_>>()) {
            let mut line = of.files[start].display().to_string();
            for (from, to) in way.iter().zip(way.iter().cycle().skip(1)) {
                let name = &graph[from][to];
                line += &format!("\n    uses {name} of {}", of.files[*to].display());
            }
            found.push(line);
        }
    }
    found
}

fn shortest_way_back(graph: &BTreeMap<usize, BTreeMap<usize, String>>, start: usize) -> Option<Vec<usize>> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(at) = open.pop_front() {
        for &next in graph.get(&at).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut way = vec![at];
                while let Some(before) = came_from.get(way.last()?) {
                    way.push(*before);
                }
                way.reverse();
                return Some(way);
            }
            if let Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(at);
                open.push_back(next);
            }
        }
    }
    None
}
