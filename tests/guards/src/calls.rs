//! Which calls of AWS a piece of code can make.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::{Block, Expr, FnArg, ImplItem, Item, Signature, TraitItem, Type, visit::Visit};

use super::source::{Named, attributes, imports, is_test, parse};

/// Methods of an SDK's client that call nobody.
const NO_CALLS: [&str; 2] = ["clone", "config"];

/// Methods of the standard library's collections: on a variable they are no adapter's.
const COMMON: [&str; 8] = [
    "count", "extend", "get", "insert", "push", "remove", "retain", "take",
];

/// Calls of methods that may be an adapter's own, with the number of their arguments.
#[derive(Default)]
struct Own(Vec<(String, usize)>);

impl Own {
    /// `self`, or what it holds.
    fn is_of_self(expr: &Expr) -> bool {
        match expr {
            Expr::Field(field) => Self::is_of_self(&field.base),
            Expr::Path(path) => path.path.is_ident("self"),
            _ => false,
        }
    }
}

impl Visit<'_> for Own {
    fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
        let name = call.method.to_string();
        if Self::is_of_self(&call.receiver) || !COMMON.contains(&name.as_str()) {
            self.0.push((name, call.args.len()));
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

/// The functions of an adapter.
#[derive(Default)]
pub struct Adapter {
    functions: Vec<Function>,
    /// (file, name) of each name that a file imports.
    imported: BTreeSet<(PathBuf, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Free,
    /// Of a type's own.
    Inherent,
    /// Of a trait that a type implements.
    Trait,
}

struct Function {
    file: PathBuf,
    name: String,
    kind: Kind,
    /// Parameters beside `self`.
    arguments: usize,
    /// What is called on a value.
    methods: Vec<(String, usize)>,
    /// What is named by a path.
    paths: Vec<Vec<String>>,
    /// The SDK's operations in its body.
    operations: BTreeSet<String>,
}

/// Fields that hold an SDK's client.
#[derive(Default)]
struct Clients(BTreeSet<String>);

impl Visit<'_> for Clients {
    fn visit_field(&mut self, field: &syn::Field) {
        if let (Some(name), Type::Path(path)) = (&field.ident, &field.ty)
            && path.path.segments.last().is_some_and(|s| s.ident == "Client")
        {
            self.0.insert(name.to_string());
        }
    }
}

/// Operations: methods without arguments of a field that holds a client.
struct Operations<'a> {
    clients: &'a Clients,
    found: BTreeSet<String>,
}

impl Visit<'_> for Operations<'_> {
    fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
        if let Expr::Field(field) = &*call.receiver
            && let syn::Member::Named(name) = &field.member
            && self.clients.0.contains(&name.to_string())
            && call.args.is_empty()
            && !NO_CALLS.contains(&call.method.to_string().as_str())
        {
            self.found.insert(call.method.to_string());
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

impl Adapter {
    /// Reads the files of one adapter.
    ///
    /// # Panics
    /// If one cannot be read.
    #[must_use]
    pub fn read(files: &[PathBuf]) -> Self {
        let parsed: Vec<syn::File> = files.iter().map(|file| parse(file)).collect();
        let mut clients = Clients::default();
        parsed.iter().for_each(|file| clients.visit_file(file));
        let mut this = Self::default();
        for (path, file) in files.iter().zip(&parsed) {
            for item in file.items.iter().filter(|item| !is_test(attributes(item))) {
                match item {
                    Item::Fn(item) => this.add(path, &item.sig, &item.block, Kind::Free, &clients),
                    Item::Impl(item) => {
                        let kind = item.trait_.as_ref().map_or(Kind::Inherent, |_| Kind::Trait);
                        for item in &item.items {
                            if let ImplItem::Fn(item) = item {
                                this.add(path, &item.sig, &item.block, kind, &clients);
                            }
                        }
                    }
                    Item::Use(item) => {
                        let names = imports(&item.tree).into_iter().filter_map(|import| import.name);
                        this.imported.extend(names.map(|name| (path.clone(), name)));
                    }
                    _ => {}
                }
            }
        }
        this
    }

    fn add(&mut self, file: &Path, of: &Signature, body: &Block, kind: Kind, clients: &Clients) {
        let mut named = Named::default();
        named.visit_block(body);
        let mut own = Own::default();
        own.visit_block(body);
        let mut operations = Operations {
            clients,
            found: BTreeSet::new(),
        };
        operations.visit_block(body);
        self.functions.push(Function {
            file: file.to_owned(),
            name: of.ident.to_string(),
            kind,
            arguments: of
                .inputs
                .iter()
                .filter(|input| matches!(input, FnArg::Typed(_)))
                .count(),
            methods: own.0,
            paths: named.paths,
            operations: operations.found,
        });
    }

    /// The functions that a path in a file may mean: a free one of this file, an imported one, one of the file or the type
    /// that the path names. A name without a path may be a variable's.
    fn meant<'a>(&'a self, by: &'a Function, path: &'a [String]) -> Vec<&'a Function> {
        let Some((name, before)) = path.split_last() else {
            return vec![];
        };
        let named = || self.functions.iter().filter(move |f| f.name == *name);
        let free = || named().filter(|f| f.kind == Kind::Free);
        let place = before.last().map(String::as_str);
        let here = || free().filter(|f| f.file == by.file);
        match place {
            Some("self") => here().collect(),
            Some("super" | "crate") => free().collect(),
            Some(place) => named()
                .filter(|f| f.kind != Kind::Free || f.file.file_stem().is_some_and(|stem| stem == place))
                .collect(),
            None if self.imported.contains(&(by.file.clone(), name.clone())) => free().collect(),
            None => here().collect(),
        }
    }

    /// Every operation that stands in the adapter.
    #[must_use]
    pub fn operations(&self) -> BTreeSet<String> {
        let all = self.functions.iter().flat_map(|f| &f.operations);
        all.cloned().collect()
    }

    /// The methods that a call may mean: a type's own come before those of its traits.
    fn called(&self, name: &str, arguments: usize) -> Vec<&Function> {
        let named = self.functions.iter();
        let named = named.filter(|f| f.kind != Kind::Free && f.name == name && f.arguments == arguments);
        let (own, of_traits): (Vec<_>, Vec<_>) = named.partition(|f| f.kind == Kind::Inherent);
        if own.is_empty() { of_traits } else { own }
    }

    /// The operations that these methods of traits come to, through other functions of the adapter, each with a way to it.
    /// Methods of one name and as many arguments count as one, whatever their type.
    #[must_use]
    pub fn reached_from(&self, methods: &BTreeSet<String>) -> BTreeMap<String, String> {
        let of_traits = self.functions.iter().filter(|f| f.kind == Kind::Trait);
        let start = of_traits.filter(|f| methods.contains(&f.name));
        let mut open: Vec<(&Function, String)> = start.map(|f| (f, f.name.clone())).collect();
        let mut seen = BTreeSet::new();
        let mut found = BTreeMap::new();
        while let Some((function, way)) = open.pop() {
            // By itself: two types of one file may have a function of one name.
            if seen.insert(std::ptr::from_ref(function)) {
                found.extend(function.operations.iter().map(|o| (o.clone(), way.clone())));
                let methods = function.methods.iter();
                let methods = methods.flat_map(|(name, arguments)| self.called(name, *arguments));
                let paths = function.paths.iter().flat_map(|path| self.meant(function, path));
                open.extend(
                    methods
                        .chain(paths)
                        .map(|other| (other, format!("{way}, {}", other.name))),
                );
            }
        }
        found
    }
}

/// The methods that traits in these files declare.
///
/// # Panics
/// If a file cannot be read.
#[must_use]
pub fn trait_methods(files: &[PathBuf]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in files.iter().flat_map(|file| parse(file).items) {
        if let Item::Trait(item) = item {
            found.extend(item.items.iter().filter_map(|item| match item {
                TraitItem::Fn(item) => Some(item.sig.ident.to_string()),
                _ => None,
            }));
        }
    }
    found
}

/// Methods of what a field or a variable holds, as an adapter behind its trait is.
#[derive(Default)]
struct Held(BTreeSet<String>);

impl Visit<'_> for Held {
    fn visit_item(&mut self, item: &Item) {
        if !is_test(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
        if matches!(*call.receiver, Expr::Field(_) | Expr::Path(_)) {
            self.0.insert(call.method.to_string());
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

/// The methods that the code in these files calls on a field or a variable.
///
/// # Panics
/// If a file cannot be read.
#[must_use]
pub fn called(files: &[PathBuf]) -> BTreeSet<String> {
    let mut held = Held::default();
    files.iter().for_each(|file| held.visit_file(&parse(file)));
    held.0
}
