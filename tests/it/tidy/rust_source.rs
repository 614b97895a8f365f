//! Rust sources as tokens, as definitions and as a tree of modules: enough to ask who names whom without being misled
//! by comments, strings and tests. `proc-macro2` takes a text apart and `syn` knows its items; what is kept of both is
//! plain data, since their own belongs to one thread.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proc_macro2::{Delimiter, Group, Spacing, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{exists, read};

/// Line and column.
pub(super) type Place = (usize, usize);

/// From where to where, the end excluded.
type Stretch = (Place, Place);

/// A word, a literal or a sign. Comments and white space are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
    pub(super) place: Place,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A struct, an enum, a trait or an alias.
    Type,
    /// A function, a method, a constant, a static or a variant.
    Other,
}

/// A name that other modules may use.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) place: Place,
    /// What belongs to the definition, so that the name in there is no use of it.
    own: Stretch,
}

/// A file of Rust with its place in the tree of modules.
#[derive(Clone)]
pub(super) struct Module {
    /// The file, from the root of the repository.
    pub(super) file: String,
    /// The module's path, without `crate`.
    pub(super) path: Vec<String>,
    /// Whether it is compiled outside tests too.
    pub(super) shipped: bool,
    tokens: Vec<Token>,
    lines: usize,
    items: Items,
}

/// What is known of the items of a file.
#[derive(Clone, Default)]
struct Items {
    /// The items marked `#[cfg(test)]`.
    tests: Vec<Stretch>,
    /// The `use` items.
    imports: Vec<Stretch>,
    /// Each name that they bring here, with the path that it stands for as it is written.
    brought: Vec<(String, Vec<String>)>,
    /// The modules in files of their own: name, file if an attribute names it, and whether it is of tests alone.
    children: Vec<(String, Option<String>, bool)>,
    /// What is public, or public in the crate, tests excepted.
    public: Vec<Definition>,
    /// The name of the type that each `impl` block is of, and the block.
    implementations: Vec<(String, Stretch)>,
}

fn start(span: Span) -> Place {
    let place = span.start();
    (place.line, place.column)
}

fn end(span: Span) -> Place {
    let place = span.end();
    (place.line, place.column)
}

fn stretch(node: &impl Spanned) -> Stretch {
    (start(node.span()), end(node.span()))
}

fn is_within(place: Place, stretches: &[Stretch]) -> bool {
    stretches.iter().any(|(from, to)| *from <= place && place < *to)
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        list.path.is_ident("cfg") && list.tokens.to_string() == "test"
    })
}

fn is_open(visibility: &syn::Visibility) -> bool {
    match visibility {
        syn::Visibility::Public(_) => true,
        syn::Visibility::Restricted(restricted) => restricted.path.is_ident("crate"),
        syn::Visibility::Inherited => false,
    }
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    use syn::Item;
    match item {
        Item::Const(syn::ItemConst { attrs, .. })
        | Item::Enum(syn::ItemEnum { attrs, .. })
        | Item::ExternCrate(syn::ItemExternCrate { attrs, .. })
        | Item::Fn(syn::ItemFn { attrs, .. })
        | Item::Impl(syn::ItemImpl { attrs, .. })
        | Item::Macro(syn::ItemMacro { attrs, .. })
        | Item::Mod(syn::ItemMod { attrs, .. })
        | Item::Static(syn::ItemStatic { attrs, .. })
        | Item::Struct(syn::ItemStruct { attrs, .. })
        | Item::Trait(syn::ItemTrait { attrs, .. })
        | Item::Type(syn::ItemType { attrs, .. })
        | Item::Union(syn::ItemUnion { attrs, .. })
        | Item::Use(syn::ItemUse { attrs, .. }) => attrs,
        _ => &[],
    }
}

impl Items {
    fn define(&mut self, name: &syn::Ident, kind: Kind, own: Stretch) {
        self.public.push(Definition { name: name.to_string(), kind, place: start(name.span()), own });
    }
}

impl<'ast> Visit<'ast> for Items {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let own = stretch(item);
        let test = is_test(attributes_of(item));
        if let syn::Item::Mod(module) = item
            && module.content.is_none()
        {
            self.children.push((module.ident.to_string(), path_attribute(&module.attrs), test));
        }
        if test {
            self.tests.push(own);
            return;
        }
        match item {
            syn::Item::Use(import) => {
                self.imports.push(own);
                branches(&import.tree, &mut Vec::new(), &mut self.brought);
            }
            syn::Item::Fn(function) if is_open(&function.vis) => {
                self.define(&function.sig.ident, Kind::Other, own);
            }
            syn::Item::Const(constant) if is_open(&constant.vis) => {
                self.define(&constant.ident, Kind::Other, own);
            }
            syn::Item::Static(constant) if is_open(&constant.vis) => {
                self.define(&constant.ident, Kind::Other, own);
            }
            syn::Item::Struct(structure) if is_open(&structure.vis) => {
                self.define(&structure.ident, Kind::Type, own);
            }
            syn::Item::Type(alias) if is_open(&alias.vis) => self.define(&alias.ident, Kind::Type, own),
            syn::Item::Enum(choice) if is_open(&choice.vis) => {
                self.define(&choice.ident, Kind::Type, own);
                for variant in &choice.variants {
                    self.define(&variant.ident, Kind::Other, stretch(variant));
                }
            }
            syn::Item::Trait(port) if is_open(&port.vis) => {
                self.define(&port.ident, Kind::Type, own);
                for method in &port.items {
                    if let syn::TraitItem::Fn(method) = method {
                        self.define(&method.sig.ident, Kind::Other, stretch(method));
                    }
                }
            }
            syn::Item::Impl(block) => {
                if let syn::Type::Path(path) = &*block.self_ty
                    && let Some(last) = path.path.segments.last()
                {
                    self.implementations.push((last.ident.to_string(), own));
                }
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let own = stretch(item);
        let (attributes, open) = match item {
            syn::ImplItem::Fn(function) => {
                (&function.attrs, is_open(&function.vis).then_some(&function.sig.ident))
            }
            syn::ImplItem::Const(constant) => {
                (&constant.attrs, is_open(&constant.vis).then_some(&constant.ident))
            }
            _ => return visit::visit_impl_item(self, item),
        };
        if is_test(attributes) {
            self.tests.push(own);
            return;
        }
        if let Some(name) = open {
            self.define(name, Kind::Other, own);
        }
        visit::visit_impl_item(self, item);
    }
}

/// Each name that a `use` tree brings, with its path.
fn branches(tree: &syn::UseTree, base: &mut Vec<String>, found: &mut Vec<(String, Vec<String>)>) {
    let mut bring = |name: &syn::Ident, known_as: &syn::Ident| {
        let itself = (name == "self").then(Vec::new).unwrap_or_else(|| vec![name.to_string()]);
        let path = [base.as_slice(), &itself].concat();
        let known_as = if known_as == "self" { path.last().cloned() } else { Some(known_as.to_string()) };
        found.extend(known_as.map(|known_as| (known_as, path)));
    };
    match tree {
        syn::UseTree::Path(path) => {
            base.push(path.ident.to_string());
            branches(&path.tree, base, found);
            base.pop();
        }
        syn::UseTree::Name(name) => bring(&name.ident, &name.ident),
        syn::UseTree::Rename(rename) => bring(&rename.ident, &rename.rename),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| branches(tree, base, found)),
        syn::UseTree::Glob(_) => {}
    }
}

/// The file that the attribute `path` names.
fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
        pair.path.is_ident("path").then(|| text.value())
    })
}

/// The tokens of a stream in one row, with `::` and lifetimes in one piece and without documentation.
fn flat(stream: TokenStream, into: &mut Vec<Token>) {
    let mut rest = stream.into_iter().peekable();
    while let Some(tree) = rest.next() {
        let (span, mut text) = (tree.span(), tree.to_string());
        match tree {
            TokenTree::Group(group) => {
                // What is written as a comment arrives as the attribute `doc`.
                if is_documentation(&group) {
                    while into.last().is_some_and(|token| matches!(token.text.as_str(), "#" | "!")) {
                        into.pop();
                    }
                    continue;
                }
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => unreachable!("a text has no invisible brackets"),
                };
                into.push(token(open.to_owned(), group.span_open()));
                flat(group.stream(), into);
                into.push(token(close.to_owned(), group.span_close()));
                continue;
            }
            TokenTree::Punct(sign) if sign.spacing() == Spacing::Joint => match rest.peek() {
                Some(TokenTree::Punct(next)) if sign.as_char() == ':' && next.as_char() == ':' => {
                    text.push(':');
                    rest.next();
                }
                Some(TokenTree::Ident(name)) if sign.as_char() == '\'' => {
                    text.push_str(&name.to_string());
                    rest.next();
                }
                _ => {}
            },
            _ => {}
        }
        into.push(token(text, span));
    }
}

fn token(text: String, span: Span) -> Token {
    Token { text, line: span.start().line, place: start(span) }
}

fn is_documentation(group: &Group) -> bool {
    let mut inside = group.stream().into_iter();
    let begins = |tree: Option<TokenTree>, with: &str| tree.is_some_and(|tree| tree.to_string() == with);
    group.delimiter() == Delimiter::Bracket && begins(inside.next(), "doc") && begins(inside.next(), "=")
}

fn tokens(source: &str) -> Vec<Token> {
    let mut found = Vec::new();
    flat(source.parse().expect("Rust"), &mut found);
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a token is a name, as against a literal or a sign.
pub(super) fn is_name(token: &Token) -> bool {
    token.text.starts_with(|c: char| c.is_alphabetic() || c == '_') && token.text.chars().all(is_word)
}

/// Whether the tokens from `at` on are those of `pattern`, which is separated by blanks.
pub(super) fn matches(tokens: &[Token], at: usize, pattern: &str) -> bool {
    pattern
        .split(' ')
        .enumerate()
        .all(|(offset, part)| tokens.get(at + offset).is_some_and(|token| token.text == part))
}

/// The places where the tokens of `pattern` follow each other.
pub(super) fn find<'a>(tokens: &'a [Token], pattern: &str) -> Vec<&'a Token> {
    (0..tokens.len()).filter(|at| matches(tokens, *at, pattern)).map(|at| &tokens[at]).collect()
}

/// The index behind the bracket that closes the one at `open`.
fn behind_bracket(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The index behind the function whose `fn` is at `at`: behind its body, or behind its `;` where it has none.
fn behind_function(tokens: &[Token], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ";" => return at + 1,
            "{" => return behind_bracket(tokens, at),
            "(" | "[" => at = behind_bracket(tokens, at),
            "}" => return at,
            _ => at += 1,
        }
    }
    tokens.len()
}

/// Follows a path from the `::` at `at` on, into each branch of a `use` tree. Returns the index behind it.
fn continue_path(tokens: &[Token], at: usize, base: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    if !matches(tokens, at, "::") {
        found.push(base);
        return at;
    }
    match tokens.get(at + 1) {
        Some(open) if open.text == "{" => {
            let end = behind_bracket(tokens, at + 1);
            let mut branch = at + 2;
            while branch < end - 1 {
                let mut path = base.clone();
                if tokens[branch].text != "self" {
                    path.push(tokens[branch].text.clone());
                }
                branch = continue_path(tokens, branch + 1, path, found);
                // Over `as name`, to the comma.
                while branch < end - 1 && tokens[branch].text != "," {
                    branch += 1;
                }
                branch += 1;
            }
            end
        }
        Some(segment) if segment.text == "*" || is_name(segment) => {
            let path = base.into_iter().chain([segment.text.clone()]).collect();
            continue_path(tokens, at + 2, path, found)
        }
        _ => {
            found.push(base);
            at
        }
    }
}

impl Module {
    fn new(file: &str, path: Vec<String>, shipped: bool, text: &str) -> Self {
        let stream: TokenStream = text.parse().unwrap_or_else(|error| panic!("{file} is not Rust: {error}"));
        let parsed: syn::File =
            syn::parse2(stream.clone()).unwrap_or_else(|error| panic!("{file} is not Rust: {error}"));
        let mut items = Items::default();
        items.visit_file(&parsed);
        let mut tokens = Vec::new();
        flat(stream, &mut tokens);
        let test_lines: usize = items.tests.iter().map(|((from, _), (to, _))| to - from + 1).sum();
        tokens.retain(|token| shipped && !is_within(token.place, &items.tests));
        let lines = if shipped { text.lines().count() - test_lines } else { 0 };
        if !shipped {
            items.public.clear();
        }
        Self { file: file.to_owned(), path, shipped, tokens, lines, items }
    }

    /// The tokens that are compiled outside tests.
    pub(super) fn shipped_tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// How many lines the file has without its tests.
    pub(super) fn shipped_lines(&self) -> usize {
        self.lines
    }

    /// What other modules may use of this one.
    pub(super) fn public(&self) -> &[Definition] {
        &self.items.public
    }

    /// Whether a place of this file is in a `use` item.
    pub(super) fn is_import(&self, place: Place) -> bool {
        is_within(place, &self.items.imports)
    }

    /// Whether a place of this file belongs to what is defined in `home`: to the definition itself, or to what is
    /// implemented for it.
    pub(super) fn belongs_to(&self, place: Place, home: &Self, definition: &Definition) -> bool {
        let is_own = self.file == home.file && is_within(place, &[definition.own]);
        let is_of_type = |(name, block): &(String, Stretch)| {
            *name == definition.name && is_within(place, std::slice::from_ref(block))
        };
        is_own || definition.kind == Kind::Type && self.items.implementations.iter().any(is_of_type)
    }

    /// What is named from here: each path that begins at the root of the crate, by `crate`, by its own name or by
    /// enough `super`s, as its segments below the root.
    pub(super) fn named(&self) -> Vec<(usize, Vec<String>)> {
        let tokens = self.shipped_tokens();
        let mut found = Vec::new();
        for at in 0..tokens.len() {
            // `x::super` and `x::crate` do not exist, but `super::super` does, and counts from its first word.
            if at > 1 && tokens[at - 1].text == "::" && tokens[at - 2].text != "self" {
                continue;
            }
            let (base, rest) = match tokens[at].text.as_str() {
                "crate" | env!("CARGO_PKG_NAME") => (Vec::new(), at + 1),
                "super" => {
                    let supers = (0..).take_while(|n| matches(tokens, at + 2 * n, "super")).count();
                    let kept = self.path.len().saturating_sub(supers);
                    (self.path[..kept].to_vec(), at + 2 * supers - 1)
                }
                _ => continue,
            };
            let mut paths = Vec::new();
            continue_path(tokens, rest, base, &mut paths);
            found.extend(
                paths.into_iter().filter(|path| !path.is_empty()).map(|path| (tokens[at].line, path)),
            );
        }
        found
    }

    /// What of this crate is to be had under this module's path though it is at home elsewhere: the path here, and
    /// the path that it stands for.
    pub(super) fn handed_on(&self) -> Vec<(Vec<String>, Vec<String>)> {
        let is_child = |name: &String| self.items.children.iter().any(|(child, ..)| child == name);
        let absolute = |path: &[String]| {
            let (first, rest) = path.split_first()?;
            let supers = path.iter().take_while(|segment| *segment == "super").count();
            match first.as_str() {
                "crate" => Some(rest.to_vec()),
                "self" => Some([&self.path, rest].concat()),
                "super" => Some([self.path.get(..self.path.len() - supers)?, &path[supers..]].concat()),
                _ => is_child(first).then(|| [&*self.path, path].concat()),
            }
        };
        let brought = self.items.brought.iter();
        let pairs = brought.filter_map(|(name, path)| {
            Some(([&*self.path, std::slice::from_ref(name)].concat(), absolute(path)?))
        });
        // A module that is brought in by its own name stands for itself.
        pairs.filter(|(here, there)| here != there).collect()
    }

    /// Name, line and length of every function, tests excepted.
    pub(super) fn functions(&self) -> Vec<(String, usize, usize)> {
        let tokens = self.shipped_tokens();
        let starts = (0..tokens.len())
            .filter(|at| tokens[*at].text == "fn" && tokens.get(at + 1).is_some_and(is_name));
        starts
            .map(|at| {
                let end = behind_function(tokens, at);
                let length = tokens[end - 1].line - tokens[at].line + 1;
                (tokens[at + 1].text.clone(), tokens[at].line, length)
            })
            .collect()
    }
}

/// Every module of the library.
pub(super) fn library() -> &'static [Module] {
    static LIBRARY: LazyLock<Vec<Module>> = LazyLock::new(|| modules("src/lib.rs"));
    &LIBRARY
}

/// Every module of the library and of the executable that is compiled outside tests.
pub(super) fn shipped() -> Vec<Module> {
    library().iter().cloned().chain(modules("src/main.rs")).filter(|module| module.shipped).collect()
}

/// Every module that is reached from a root such as `src/lib.rs`.
pub(super) fn modules(root: &str) -> Vec<Module> {
    let mut found = Vec::new();
    walk(root, Vec::new(), true, &mut found);
    found
}

fn walk(file: &str, path: Vec<String>, shipped: bool, found: &mut Vec<Module>) {
    let module = Module::new(file, path, shipped, &read(file));
    let children: Vec<_> = module
        .items
        .children
        .iter()
        .map(|(name, named, test)| {
            let path: Vec<_> = module.path.iter().chain([name]).cloned().collect();
            (file_of_module(file, name, named.as_deref()), path, shipped && !test)
        })
        .collect();
    found.push(module);
    for (file, path, shipped) in children {
        walk(&file, path, shipped, found);
    }
}

fn file_of_module(parent: &str, name: &str, named: Option<&str>) -> String {
    let (folder, file) = parent.rsplit_once('/').unwrap_or(("", parent));
    if let Some(named) = named {
        return format!("{folder}/{named}");
    }
    let folder = match file {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
    };
    let plain = format!("{folder}/{name}.rs");
    if exists(&plain) { plain } else { format!("{folder}/{name}/mod.rs") }
}

#[test]
fn comments_and_strings_name_nobody() {
    let source = "/* a /* b */ c */ let x = r#\"crate::hub\"#; // crate::store\n\
                  /// crate::fold\nf::<'a>(b\"\\\"}\", '}', '\\'', 'é');";
    let found = tokens(source);
    let texts: Vec<_> = found.iter().map(|token| token.text.as_str()).collect();
    let expected = [
        "let",
        "x",
        "=",
        "r#\"crate::hub\"#",
        ";",
        "f",
        "::",
        "<",
        "'a",
        ">",
        "(",
        "b\"\\\"}\"",
        ",",
        "'}'",
        ",",
        "'\\''",
        ",",
        "'é'",
        ")",
        ";",
    ];
    assert_eq!(texts, expected);
    assert_eq!(found.last().map(|token| token.line), Some(3));
}

fn module(path: &[&str], text: &str) -> Module {
    Module::new("src/lib.rs", path.iter().map(ToString::to_string).collect(), true, text)
}

#[test]
fn every_way_to_name_a_module_is_seen() {
    let source = "
        use crate::{hub::{self, frame::Frame as F}, store::*};
        use super::super::fold;
        use super::sibling::Thing;
        pub(crate) fn f() -> crate::clock::Clock { run! { boardcast::app::<u8>() } }
        #[cfg(test)] mod tests { use crate::vitals; }
        use crate::relay;";
    let named: Vec<_> =
        module(&["functions", "body"], source).named().into_iter().map(|(_, path)| path.join("::")).collect();
    let expected = [
        "hub",
        "hub::frame::Frame",
        "store::*",
        "fold",
        "functions::sibling::Thing",
        "clock::Clock",
        "app",
        "relay",
    ];
    assert_eq!(named, expected);
}

#[test]
fn tests_do_not_count_as_lines() {
    let source =
        "fn a() {\n}\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\n#[cfg(test)]\nmod more {\n}\nfn b() {}\n";
    let module = module(&["x"], source);
    assert_eq!(module.shipped_lines(), 3);
    assert_eq!(module.functions(), [("a".to_owned(), 1, 2), ("b".to_owned(), 9, 1)]);
    assert_eq!(module.items.children, [("tests".to_owned(), Some("x.rs".to_owned()), true)]);
}

#[test]
fn what_others_may_use_is_seen() {
    let source = "
        pub struct A;
        impl A { pub fn b(&self) {} fn c() {} #[cfg(test)] pub fn d() {} }
        pub(crate) enum E { F, G(u8) }
        pub trait H { const I: u8; fn j(&self); }
        pub(super) fn k() {}
        #[cfg(test)] pub fn l() {}
        pub const M: u8 = 1;";
    let module = module(&["x"], source);
    let names: BTreeSet<_> = module.public().iter().map(|definition| definition.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["A", "b", "E", "F", "G", "H", "j", "M"]));
    let a = &module.public()[0];
    assert!(module.belongs_to((3, 20), &module, a) && !module.belongs_to((4, 20), &module, a));
}
