//! The modules of a crate, and where a path leads to: through re-exports to the file that defines a name.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use syn::{Item, Visibility, visit::Visit};

use super::source::{Named, attributes, idents, imports, is_test, parse};

/// Re-exports of re-exports followed before they count as a loop.
const MAX_STEPS: usize = 24;

#[derive(Default)]
struct Module {
    file: usize,
    parent: Option<usize>,
    children: HashMap<String, usize>,
    /// Names that are defined here.
    items: HashSet<String>,
    /// Words of macros that are called here: one of them may define a name.
    made: HashSet<String>,
    /// Names that a `use` brings, and from where.
    bindings: HashMap<String, Vec<String>>,
    /// Paths of which a `use` brings all names.
    globs: Vec<Vec<String>>,
    /// What the code here names, private imports among it. What is only re-exported is not used here.
    used: Vec<Vec<String>>,
}

/// A crate's modules.
#[derive(Default)]
pub struct Crate {
    /// Its files.
    pub files: Vec<PathBuf>,
    modules: Vec<Module>,
}

/// Where a path leads to.
#[derive(Clone, Copy)]
enum Target {
    Module(usize),
    /// Something that this file defines.
    Item(usize),
}

impl Crate {
    /// Reads a crate from its `lib.rs` or `main.rs`.
    ///
    /// # Panics
    /// If a file is missing or is no Rust.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let mut this = Self::default();
        this.read_file(root, root.parent().unwrap(), None);
        this
    }

    /// `folder`: where the files of its child modules are.
    fn read_file(&mut self, file: &Path, folder: &Path, parent: Option<usize>) -> usize {
        self.files.push(file.to_owned());
        let index = self.files.len() - 1;
        self.read_module(parse(file).items, index, folder, parent)
    }

    fn read_module(&mut self, items: Vec<Item>, file: usize, folder: &Path, parent: Option<usize>) -> usize {
        let id = self.modules.len();
        self.modules.push(Module {
            file,
            parent,
            ..Module::default()
        });
        let mut named = Named::default();
        for item in items {
            if is_test(attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(child) => self.read_child(child, id, folder),
                Item::Use(item) => {
                    let private = matches!(item.vis, Visibility::Inherited);
                    for import in imports(&item.tree) {
                        let module = &mut self.modules[id];
                        match import.name {
                            None => module.globs.push(import.path),
                            Some(name) => {
                                module.used.extend(private.then(|| import.path.clone()));
                                module.bindings.insert(name, import.path);
                            }
                        }
                    }
                }
                item => {
                    self.define(id, &item);
                    named.visit_item(&item);
                }
            }
        }
        self.modules[id].used.append(&mut named.paths);
        id
    }

    fn read_child(&mut self, child: syn::ItemMod, parent: usize, folder: &Path) {
        let name = child.ident.to_string();
        let below = folder.join(&name);
        let file = self.modules[parent].file;
        let id = match child.content {
            Some((_, items)) => self.read_module(items, file, &below, Some(parent)),
            None => {
                let flat = folder.join(format!("{name}.rs"));
                let path = if flat.exists() { flat } else { below.join("mod.rs") };
                self.read_file(&path, &below, Some(parent))
            }
        };
        self.modules[parent].children.insert(name, id);
    }

    fn define(&mut self, id: usize, item: &Item) {
        let module = &mut self.modules[id];
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(name) => name,
                None => return module.made.extend(idents(&item.mac.tokens)),
            },
            _ => return,
        };
        module.items.insert(name.to_string());
    }

    fn lookup(&self, module: usize, name: &str, steps: usize) -> Option<Target> {
        let here = &self.modules[module];
        if steps == 0 {
            return None;
        }
        if let Some(child) = here.children.get(name) {
            return Some(Target::Module(*child));
        }
        if here.items.contains(name) {
            return Some(Target::Item(here.file));
        }
        if let Some(path) = here.bindings.get(name) {
            return self.resolve(module, path, steps - 1);
        }
        let by_glob = here
            .globs
            .iter()
            .find_map(|glob| match self.resolve(module, glob, steps - 1) {
                Some(Target::Module(other)) => self.lookup(other, name, steps - 1),
                _ => None,
            });
        by_glob.or_else(|| here.made.contains(name).then_some(Target::Item(here.file)))
    }

    fn resolve(&self, module: usize, path: &[String], steps: usize) -> Option<Target> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(module),
            "super" => Target::Module(self.modules[module].parent?),
            // `use name::…` of a name that this very `use` brings is another crate's.
            name if self.modules[module]
                .bindings
                .get(name)
                .is_some_and(|p| p[0] == *name) =>
            {
                return None;
            }
            name => self.lookup(module, name, steps)?,
        };
        while let (Target::Module(id), Some((next, left))) = (at, rest.split_first()) {
            at = match next.as_str() {
                "super" => Target::Module(self.modules[id].parent?),
                name => self.lookup(id, name, steps)?,
            };
            rest = left;
        }
        Some(at)
    }

    /// Which file uses what of which other file: (user, definer, path as written).
    #[must_use]
    pub fn edges(&self) -> Vec<(usize, usize, String)> {
        let mut edges = Vec::new();
        for (id, module) in self.modules.iter().enumerate() {
            for path in &module.used {
                if let Some(Target::Item(definer)) = self.resolve(id, path, MAX_STEPS)
                    && definer != module.file
                {
                    edges.push((module.file, definer, path.join("::")));
                }
            }
        }
        edges.sort();
        edges.dedup();
        edges
    }
}
