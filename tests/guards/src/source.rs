//! What a piece of Rust names. Code under `#[cfg(test)]` does not count.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, ImplItem, Item, UseTree, visit::Visit};

/// A file's items.
///
/// # Panics
/// If it cannot be read or is no Rust.
#[must_use]
pub fn parse(file: &Path) -> syn::File {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn words(tokens: TokenStream) -> Vec<String> {
    let word = |tree| match tree {
        TokenTree::Ident(ident) => vec![ident.to_string()],
        TokenTree::Group(group) => words(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => vec![],
    };
    tokens.into_iter().flat_map(word).collect()
}

/// All identifiers of some tokens.
#[must_use]
pub fn idents(tokens: &TokenStream) -> Vec<String> {
    words(tokens.clone())
}

/// Whether what has these attributes is compiled for tests only.
#[must_use]
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let words = attribute.meta.require_list().map(|list| idents(&list.tokens));
        let cfg_test =
            words.is_ok_and(|words| words.iter().any(|w| w == "test") && !words.iter().any(|w| w == "not"));
        attribute.path().is_ident("test") || attribute.path().is_ident("cfg") && cfg_test
    })
}

/// An item's attributes.
#[must_use]
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// One name that a `use` brings; `None`: all names of the path.
pub struct Import {
    /// As what.
    pub name: Option<String>,
    /// From where.
    pub path: Vec<String>,
}

/// The names that a `use` brings.
#[must_use]
pub fn imports(tree: &UseTree) -> Vec<Import> {
    fn walk(tree: &UseTree, mut path: Vec<String>, found: &mut Vec<Import>) {
        match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                walk(&step.tree, path, found);
            }
            UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|tree| walk(tree, path.clone(), found)),
            UseTree::Glob(_) => found.push(Import { name: None, path }),
            UseTree::Name(name) if name.ident == "self" => found.push(Import {
                name: path.last().cloned(),
                path,
            }),
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                found.push(Import {
                    name: path.last().cloned(),
                    path,
                });
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    path.push(rename.ident.to_string());
                }
                found.push(Import {
                    name: Some(rename.rename.to_string()),
                    path,
                });
            }
        }
    }
    let mut found = Vec::new();
    walk(tree, Vec::new(), &mut found);
    found
}

/// The paths in tokens that a macro takes.
fn paths_in(tokens: TokenStream, found: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    found.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            TokenTree::Group(group) => paths_in(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {
                found.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                colons = 0;
            }
        }
    }
    found.extend((!path.is_empty()).then_some(path));
}

/// What code names.
#[derive(Default)]
pub struct Named {
    /// Paths, also those in the arguments of macros.
    pub paths: Vec<Vec<String>>,
}

impl Visit<'_> for Named {
    fn visit_item(&mut self, item: &Item) {
        if !is_test(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &ImplItem) {
        if !matches!(item, ImplItem::Fn(function) if is_test(&function.attrs)) {
            syn::visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.paths
            .extend(imports(&item.tree).into_iter().map(|import| import.path));
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.paths
            .push(path.segments.iter().map(|s| s.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        paths_in(call.tokens.clone(), &mut self.paths);
        syn::visit::visit_macro(self, call);
    }
}

#[derive(Default)]
struct Texts {
    all: BTreeSet<String>,
    alarms: BTreeSet<String>,
}

impl Texts {
    fn read(&mut self, tokens: TokenStream) {
        // `alarm = "word"` in a macro's arguments.
        let mut alarm = 0;
        for tree in tokens {
            alarm = match tree {
                TokenTree::Ident(ident) if ident == "alarm" => 1,
                TokenTree::Punct(punct) if punct.as_char() == '=' && alarm == 1 => 2,
                TokenTree::Literal(literal) => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                        self.alarms.extend((alarm == 2).then(|| text.value()));
                        self.all.insert(text.value());
                    }
                    0
                }
                TokenTree::Group(group) => {
                    self.read(group.stream());
                    0
                }
                _ => 0,
            };
        }
    }

    fn of(files: &[PathBuf]) -> Self {
        let mut this = Self::default();
        files.iter().for_each(|file| this.visit_file(&parse(file)));
        this
    }
}

impl Visit<'_> for Texts {
    fn visit_item(&mut self, item: &Item) {
        if !is_test(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_lit_str(&mut self, text: &syn::LitStr) {
        self.all.insert(text.value());
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        self.read(call.tokens.clone());
    }
}

/// The texts in these files.
#[must_use]
pub fn literals(files: &[PathBuf]) -> BTreeSet<String> {
    Texts::of(files).all
}

/// The words of `alarm = "…"` in log lines of these files.
#[must_use]
pub fn alarms(files: &[PathBuf]) -> BTreeSet<String> {
    Texts::of(files).alarms
}
