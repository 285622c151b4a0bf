//! The public interface as a list, compared with `public-api.txt`: no change of it goes unnoticed.

#![allow(
    clippy::disallowed_methods,
    reason = "this test reads the sources, and writes the list when it is told to"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Fields, Ident, ImplItem, Item, LitStr, Macro, Token, Type};
use syn::{TraitItem, UseTree, Visibility};

/// The crates whose types may stand in public signatures.
const ALLOWED: [&str; 4] = ["http", "serde", "serde_json", "rand_core"];
/// Roots of paths that are no crate of somebody else's.
const OWN: [&str; 7] = ["Self", "core", "crate", "http_session", "self", "std", "super"];
const UPDATE: &str = "UPDATE_PUBLIC_API=1 cargo test -p http-session --test public_api";

/// One module: its name, its items, and where its imported names come from.
struct Module {
    name: String,
    public: bool,
    items: Vec<Item>,
    imports: BTreeMap<String, String>,
}

impl Module {
    fn parse(name: &str, public: bool, source: &str) -> Self {
        let file = syn::parse_file(source).expect("Rust");
        let items: Vec<Item> = file
            .items
            .into_iter()
            .filter(|item| !is_test(attributes(item)))
            .flat_map(|item| match item {
                Item::Macro(item) if item.ident.is_none() => expand(&item.mac),
                other => vec![other],
            })
            .collect();
        let mut imports = BTreeMap::new();
        for item in &items {
            if let Item::Use(item) = item {
                flatten(&item.tree, &[], &mut |path| {
                    imports.insert(path[path.len() - 1].clone(), path[0].clone());
                });
            }
        }
        Self { name: name.into(), public, items, imports }
    }
}

/// `#[…] Name { #[…] member: …, }`: what `explained!` and `operation!` are given.
struct Given<M> {
    attributes: Vec<Attribute>,
    name: Ident,
    members: Vec<M>,
}

impl<M: Parse> Parse for Given<M> {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (attributes, name) = (input.call(Attribute::parse_outer)?, input.parse()?);
        let inner;
        syn::braced!(inner in input);
        let members = inner.parse_terminated(M::parse, Token![,])?.into_iter().collect();
        Ok(Self { attributes, name, members })
    }
}

/// `#[…] Variant = "text"`
struct Sentence(Vec<Attribute>, Ident);

impl Parse for Sentence {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let variant = Self(input.call(Attribute::parse_outer)?, input.parse()?);
        input.parse::<Token![=]>()?;
        input.parse::<LitStr>()?;
        Ok(variant)
    }
}

/// `#[…] Variant ("clause") = "text"`
struct Clause(Vec<Attribute>, Ident);

impl Parse for Clause {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let variant = Self(input.call(Attribute::parse_outer)?, input.parse()?);
        let clause;
        syn::parenthesized!(clause in input);
        clause.parse::<LitStr>()?;
        input.parse::<Token![=]>()?;
        input.parse::<LitStr>()?;
        Ok(variant)
    }
}

/// The names of `words! { Name { Variant = "text" … } … }`.
struct Words(Vec<Ident>);

impl Parse for Words {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut names = Vec::new();
        while !input.is_empty() {
            names.push(input.parse()?);
            let words;
            syn::braced!(words in input);
            while !words.is_empty() {
                words.parse::<Ident>()?;
                words.parse::<Token![=]>()?;
                words.parse::<LitStr>()?;
            }
        }
        Ok(Self(names))
    }
}

/// `#[…] field: Type`
struct Field(Vec<Attribute>, Ident, Type);

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (attributes, name) = (input.call(Attribute::parse_outer)?, input.parse()?);
        input.parse::<Token![:]>()?;
        Ok(Self(attributes, name, input.parse()?))
    }
}

/// The types of `parts! { Variant(Type) … }`.
struct Parts(Vec<Ident>);

impl Parse for Parts {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut parts = Vec::new();
        while !input.is_empty() {
            input.parse::<Ident>()?;
            let part;
            syn::parenthesized!(part in input);
            parts.push(part.parse()?);
        }
        Ok(Self(parts))
    }
}

/// `Name Name …`
struct Names(Vec<syn::Path>);

impl Parse for Names {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut names = Vec::new();
        while !input.is_empty() {
            names.push(input.parse()?);
        }
        Ok(Self(names))
    }
}

/// What the core's own macros make of their tokens, bodies aside. Their definitions are listed as
/// well: whoever changes one is sent here.
fn expand(invocation: &Macro) -> Vec<Item> {
    let name = tokens(&invocation.path);
    let items = match name.as_str() {
        "explained" => {
            let Given { attributes, name, members } =
                invocation.parse_body::<Given<Sentence>>().expect("an enum");
            let variants = members.iter().map(|Sentence(notes, name)| quote!(#(#notes)* #name));
            quote! {
                #(#attributes)*
                #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
                #[non_exhaustive]
                pub enum #name { #(#variants,)* }
                impl std::fmt::Display for #name {}
            }
        }
        "findings" => {
            let parse = |input: ParseStream<'_>| input.parse_terminated(Clause::parse, Token![,]);
            let members = invocation.parse_body_with(parse).expect("findings");
            let variants = members.iter().map(|Clause(notes, name)| quote!(#(#notes)* #name));
            quote! {
                #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
                #[non_exhaustive]
                pub enum Finding { #(#variants,)* }
                impl std::fmt::Display for Finding {}
                impl Finding { pub const fn clause(self) -> &'static str {} }
            }
        }
        "operation" => {
            let Given { attributes, name, members } =
                invocation.parse_body::<Given<Field>>().expect("a struct");
            let fields =
                members.iter().map(|Field(notes, name, ty)| quote!(#(#notes)* pub #name: #ty));
            let arguments = members.iter().map(|Field(_, name, ty)| quote!(#name: #ty));
            quote! {
                #(#attributes)*
                #[derive(Clone, Debug)]
                #[must_use]
                #[non_exhaustive]
                pub struct #name { #(#fields,)* }
                impl #name { pub const fn new(#(#arguments),*) -> Self {} }
            }
        }
        "redacted" => {
            let Names(names) = invocation.parse_body().expect("names");
            let parameters = names.iter().map(|name| &name.segments[0].arguments);
            quote!(#(impl #parameters std::fmt::Debug for #names {})*)
        }
        "parts" => {
            let Parts(parts) = invocation.parse_body().expect("variants with their types");
            quote!(#(impl<E> From<#parts> for Error<E> {})*)
        }
        "words" => {
            let Words(names) = invocation.parse_body().expect("names with their words");
            quote!(#(impl From<#names> for Value {})*)
        }
        "write_answer" => {
            let Names(names) = invocation.parse_body().expect("names");
            quote!(#(impl Ask<#names> {
                pub fn complete<E>(
                    self,
                    exchange: &mut Exchange,
                    reply: Result<Written, E>,
                    now: Timestamp,
                ) -> Result<Option<Pending>, Error<E>> {}
            })*)
        }
        other => panic!("the list does not know what {other}! makes"),
    };
    syn::parse2::<syn::File>(items).expect("items").items
}

/// Calls `found` with each path that a `use` brings in, a new name at its end if it has one.
fn flatten(tree: &UseTree, before: &[String], found: &mut impl FnMut(&[String])) {
    let with = |name: String| [before, &[name]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &with(path.ident.to_string()), found),
        UseTree::Name(name) if name.ident == "self" => found(before),
        UseTree::Name(name) => found(&with(name.ident.to_string())),
        UseTree::Rename(rename) => found(&with(rename.rename.to_string())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, found)),
        UseTree::Glob(_) => panic!("the list needs names, not `*`"),
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        other => panic!("the list does not know this kind of item: {}", tokens(other)),
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| tokens(attribute) == "# [cfg (test)]")
}

/// `#[non_exhaustive]` and `#[cfg(…)]` are part of the interface.
fn marks(attributes: &[Attribute]) -> String {
    attributes
        .iter()
        .filter(|attribute| {
            attribute.path().is_ident("non_exhaustive") || attribute.path().is_ident("cfg")
        })
        .map(|attribute| format!("{} ", tidy(&tokens(attribute))))
        .collect()
}

fn tokens(item: &impl ToTokens) -> String {
    item.to_token_stream().to_string()
}

/// Tokens with the spaces that rustfmt would leave.
fn tidy(tokens: &str) -> String {
    let mut text = tokens.split_whitespace().collect::<Vec<_>>().join(" ");
    for (from, to) in [
        (" ::", "::"),
        (":: ", "::"),
        (" ,", ","),
        (" :", ":"),
        (" ;", ";"),
        ("& ", "&"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        ("->", " -> "),
        ("( ", "("),
        (" (", "("),
        (" )", ")"),
        ("[ ", "["),
        (" ]", "]"),
        ("# [", "#["),
        (",)", ")"),
        (",>", ">"),
        ("(mut self", "(self"),
    ] {
        text = text.replace(from, to);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The name of a type that is a plain path.
fn head(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

#[derive(Default)]
struct Listing {
    lines: BTreeSet<String>,
    /// Names of foreign crates in public signatures, and where.
    foreign: BTreeSet<String>,
}

impl Listing {
    /// Lists one public item, with the tokens that make up its signature.
    fn add(&mut self, module: &Module, line: String, signature: &str) {
        let mut spaced = signature.replace("::", " :: ");
        for sign in ['(', ')', '[', ']', '{', '}', '<', '>', ',', '&'] {
            spaced = spaced.replace(sign, &format!(" {sign} "));
        }
        let words: Vec<&str> = spaced.split_whitespace().collect();
        for (index, word) in words.iter().enumerate() {
            let names_a_path = words.get(index + 1) == Some(&"::");
            let goes_on = index > 0 && words[index - 1] == "::";
            let root = match module.imports.get(*word) {
                _ if goes_on => continue,
                Some(root) => root.as_str(),
                None if names_a_path => word,
                None => continue,
            };
            if !OWN.contains(&root) && !ALLOWED.contains(&root) {
                self.foreign.insert(format!("{root} in {line}"));
            }
        }
        self.lines.insert(line);
    }

    fn fields(&mut self, module: &Module, owner: &str, fields: &Fields) {
        for (index, field) in fields.iter().enumerate().filter(|(_, field)| is_public(&field.vis)) {
            let name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
            let ty = tokens(&field.ty);
            self.add(module, format!("{owner}.{name}: {}", tidy(&ty)), &ty);
        }
    }

    fn derives(&mut self, path: &str, attributes: &[Attribute]) {
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let list = tokens(&attribute.meta.require_list().expect("a list").tokens);
            for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                self.lines.insert(format!("impl {name} for {path}"));
            }
        }
    }

    fn item(&mut self, module: &Module, item: &Item, exports: &BTreeMap<String, String>) {
        let path = |ident: &Ident| {
            let path = exports.get(&ident.to_string());
            path.unwrap_or_else(|| panic!("{ident} is public and has no public path")).clone()
        };
        match item {
            Item::Const(item) if is_public(&item.vis) => {
                let ty = tokens(&item.ty);
                self.add(module, format!("const {}: {}", path(&item.ident), tidy(&ty)), &ty);
            }
            Item::Fn(item) if is_public(&item.vis) => {
                let signature = tokens(&item.sig);
                let line = tidy(&signature).replacen(
                    &item.sig.ident.to_string(),
                    &path(&item.sig.ident),
                    1,
                );
                self.add(module, format!("{}{line}", marks(&item.attrs)), &signature);
            }
            Item::Struct(item) if is_public(&item.vis) => {
                let (path, generics) = (path(&item.ident), tokens(&item.generics));
                let line = format!("{}struct {path}{}", marks(&item.attrs), tidy(&generics));
                self.add(module, line, &generics);
                self.derives(&path, &item.attrs);
                self.fields(module, &path, &item.fields);
            }
            Item::Enum(item) if is_public(&item.vis) => {
                let (path, generics) = (path(&item.ident), tokens(&item.generics));
                let line = format!("{}enum {path}{}", marks(&item.attrs), tidy(&generics));
                self.add(module, line, &generics);
                self.derives(&path, &item.attrs);
                for variant in &item.variants {
                    let (name, fields) = (&variant.ident, tokens(&variant.fields));
                    self.add(module, format!("{path}::{name}{}", tidy(&fields)), &fields);
                }
            }
            Item::Type(item) if is_public(&item.vis) => {
                let ty = tokens(&item.ty);
                self.add(module, format!("type {} = {}", path(&item.ident), tidy(&ty)), &ty);
            }
            Item::Trait(item) if is_public(&item.vis) => {
                let path = path(&item.ident);
                self.add(module, format!("{}trait {path}", marks(&item.attrs)), "");
                for member in &item.items {
                    let TraitItem::Fn(member) = member else { panic!("the list needs methods") };
                    let signature = tokens(&member.sig);
                    self.add(module, format!("{path}::{}", tidy(&signature)), &signature);
                }
            }
            Item::Macro(item) => {
                let name = item.ident.as_ref().expect("a definition");
                let definition = tidy(&tokens(&item.mac.tokens));
                self.lines.insert(format!("macro_rules! {name} {{ {definition} }}"));
            }
            Item::Impl(item) => {
                let ty = tokens(&item.self_ty);
                let name = head(&item.self_ty).unwrap_or_default();
                let (generics, marks_of_impl) = (tokens(&item.generics), marks(&item.attrs));
                if let Some((_, of, _)) = &item.trait_ {
                    let of = tokens(of);
                    let types = item.items.iter().filter_map(|item| match item {
                        ImplItem::Type(item) => Some((&item.ident, tokens(&item.ty))),
                        _ => None,
                    });
                    let types: Vec<_> = types.collect();
                    let inner: String = types
                        .iter()
                        .map(|(name, ty)| format!(" {{ type {name} = {} }}", tidy(ty)))
                        .collect();
                    let named = tidy(&ty).replacen(
                        &name,
                        exports.get(&name).map_or(&*name, String::as_str),
                        1,
                    );
                    let line = format!(
                        "{marks_of_impl}impl{} {} for {named}{inner}",
                        tidy(&generics),
                        tidy(&of)
                    );
                    let signature =
                        types.into_iter().fold(format!("{generics} {of} {ty}"), |all, (_, ty)| {
                            format!("{all} {ty}")
                        });
                    self.add(module, line, &signature);
                    return;
                }
                let owner = tidy(&ty).replacen(&name, &exports[&name], 1);
                for member in &item.items {
                    match member {
                        ImplItem::Fn(member) if is_public(&member.vis) => {
                            let signature = tokens(&member.sig);
                            let line =
                                format!("{}{owner}::{}", marks(&member.attrs), tidy(&signature));
                            self.add(module, line, &format!("{generics} {ty} {signature}"));
                        }
                        ImplItem::Const(member) if is_public(&member.vis) => {
                            let ty = tokens(&member.ty);
                            let line = format!("{owner}::const {}: {}", member.ident, tidy(&ty));
                            self.add(module, line, &ty);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Lists the modules; `exports` are the names of the root with the modules they come from.
    fn of(modules: &[Module], exported: &BTreeMap<String, String>) -> Self {
        let mut listing = Self::default();
        for module in modules {
            let mut exports = BTreeMap::new();
            let mut private = BTreeSet::new();
            for item in &module.items {
                let (ident, visibility) = match item {
                    Item::Const(item) => (&item.ident, &item.vis),
                    Item::Enum(item) => (&item.ident, &item.vis),
                    Item::Fn(item) => (&item.sig.ident, &item.vis),
                    Item::Struct(item) => (&item.ident, &item.vis),
                    Item::Trait(item) => (&item.ident, &item.vis),
                    Item::Type(item) => (&item.ident, &item.vis),
                    _ => continue,
                };
                if !is_public(visibility) {
                    private.insert(ident.to_string());
                } else if module.public {
                    let path = format!("http_session::{}::{ident}", module.name);
                    exports.insert(ident.to_string(), path);
                }
            }
            if module.public {
                listing.lines.insert(format!("mod http_session::{}", module.name));
            }
            // A type's impls may stand in another module than the type.
            for (name, home) in exported {
                if *home == module.name || !private.contains(name) {
                    exports.insert(name.clone(), format!("http_session::{name}"));
                }
            }
            for item in &module.items {
                let hidden = match item {
                    Item::Impl(item) => {
                        head(&item.self_ty).is_none_or(|name| private.contains(&name))
                    }
                    _ => false,
                };
                if !hidden {
                    listing.item(module, item, &exports);
                }
            }
        }
        listing
    }
}

/// The modules that `lib.rs` declares, and what it re-exports.
fn read() -> (Vec<Module>, BTreeMap<String, String>) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |name: &str| {
        let path = source.join(name).with_extension("rs");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let root = Module::parse("lib", true, &read("lib"));
    let mut modules = Vec::new();
    let mut exported = BTreeMap::new();
    for item in &root.items {
        match item {
            Item::Mod(item) => {
                let name = item.ident.to_string();
                modules.push(Module::parse(&name, is_public(&item.vis), &read(&name)));
            }
            Item::Use(item) if is_public(&item.vis) => flatten(&item.tree, &[], &mut |path| {
                assert_eq!(path[0], "self", "re-exports of other crates are not foreseen");
                exported.insert(path[path.len() - 1].clone(), path[1].clone());
            }),
            other => panic!("lib.rs is for modules and re-exports: {}", tokens(other)),
        }
    }
    (modules, exported)
}

fn listing() -> Listing {
    let (modules, exported) = read();
    Listing::of(&modules, &exported)
}

#[test]
fn the_list_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("public-api.txt");
    let current = listing().lines;
    if env::var_os("UPDATE_PUBLIC_API").is_some() {
        let text: String = current.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&file, text).expect("public-api.txt is written");
    }
    let checked_in = fs::read_to_string(&file).unwrap_or_default();
    let checked_in: BTreeSet<String> = checked_in.lines().map(String::from).collect();
    let list =
        |lines: Vec<&String>| lines.iter().map(|line| format!("\n  {line}")).collect::<String>();
    assert!(
        current == checked_in,
        "the public interface is not what public-api.txt says.\nnew:{}\nmissing:{}\n\
         If that is what you want: {UPDATE}",
        list(current.difference(&checked_in).collect()),
        list(checked_in.difference(&current).collect()),
    );
}

#[test]
fn every_export_is_listed() {
    let (_, exported) = read();
    let lines = listing().lines;
    for name in exported.keys() {
        let path = format!("http_session::{name}");
        let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric());
        let listed = |line: &String| {
            ["struct ", "enum ", "fn ", "trait "]
                .iter()
                .filter_map(|kind| line.split_once(&format!("{kind}{path}")))
                .any(|(_, rest)| ends(rest))
        };
        assert!(lines.iter().any(listed), "{path}");
    }
}

/// A failed load has no way to a store operation: `Lookup` offers the question, and takes the store's
/// answer, which is no failure (D-load-failure).
#[test]
fn a_lookup_leads_to_its_answer_only() {
    let lines = listing().lines;
    let methods: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("http_session::Lookup::"))
        .filter_map(|line| line.split('(').next())
        .collect();
    assert_eq!(methods, ["fn answer"]);
    let answer = "http_session::Lookup::fn answer(self, reply: Option<Stored>, now: Timestamp) -> \
                  Result<Begin, RecordError>";
    assert!(lines.contains(answer));
    let fields: Vec<&String> =
        lines.iter().filter(|line| line.starts_with("http_session::Lookup.")).collect();
    assert_eq!(fields, ["http_session::Lookup.operation: Load"]);
    assert!(!lines.contains("impl Clone for http_session::Lookup"));
}

/// A store is asked for one record at a time: to load, save, rotate, touch or delete it.
/// There is no operation that lists, counts or clears.
#[test]
fn the_operations_of_a_store_are_these() {
    let lines = listing().lines;
    // An operation is what carries the moment of the request.
    let operations: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("http_session::store::"))
        .filter_map(|line| line.strip_suffix(".now: Timestamp"))
        .collect();
    assert_eq!(operations, ["Delete", "Load", "Rotate", "Save", "Touch"]);
    for operation in operations {
        let ids = if operation == "Rotate" { &["from", "to"][..] } else { &["id"] };
        let field = |name: &str| format!("http_session::store::{operation}.{name}: SessionId");
        assert!(ids.iter().all(|id| lines.contains(&field(id))), "{operation}");
    }
    let of = |name: &str| -> Vec<&str> {
        lines.iter().filter_map(|line| line.strip_prefix(name)).collect()
    };
    let pending = [
        "Delete(Ask<Delete>)",
        "Load(Ask<Load>)",
        "Rotate(Ask<Rotate>)",
        "Save(Ask<Save>)",
        "Touch(Ask<Touch>)",
        "const fn id(&self) -> &SessionId",
    ];
    assert_eq!(of("http_session::Pending::"), pending);
}

#[test]
fn no_foreign_crate_in_a_public_signature() {
    assert_eq!(listing().foreign, BTreeSet::new());
}

#[test]
fn macros_are_expanded() {
    let source = "
        macro_rules! redacted { ($name:ident) => { impl Debug for $name {} } }
        explained! { /// Text.
            A { /// Text.
                One = \"one\", #[cfg(x)] Two = \"two\", } }
        operation! { B { /// Text.
                a: u8, b: Option<time::Date>, } }
        redacted! { C D E<T> }
        words! { A { One = \"one\" Two = \"two\" } }
        findings! { /// Text.
            Three (\"clause\") = \"three\", Four (\"clause\") = \"four\", }
        pub struct C(pub u8);
        pub struct E<T>(T);
        struct D;
    ";
    let module = Module::parse("x", true, source);
    let listing = Listing::of(&[module], &BTreeMap::new());
    let lines: Vec<&str> = listing.lines.iter().map(String::as_str).collect();
    assert_eq!(
        lines,
        [
            "#[non_exhaustive] enum http_session::x::A",
            "#[non_exhaustive] enum http_session::x::Finding",
            "#[non_exhaustive] struct http_session::x::B",
            "http_session::x::A::One",
            "http_session::x::A::Two",
            "http_session::x::B.a: u8",
            "http_session::x::B.b: Option<time::Date>",
            "http_session::x::B::const fn new(a: u8, b: Option<time::Date>) -> Self",
            "http_session::x::C.0: u8",
            "http_session::x::Finding::Four",
            "http_session::x::Finding::Three",
            "http_session::x::Finding::const fn clause(self) -> &'static str",
            "impl Clone for http_session::x::A",
            "impl Clone for http_session::x::B",
            "impl Clone for http_session::x::Finding",
            "impl Copy for http_session::x::A",
            "impl Copy for http_session::x::Finding",
            "impl Debug for http_session::x::A",
            "impl Debug for http_session::x::B",
            "impl Debug for http_session::x::Finding",
            "impl Eq for http_session::x::A",
            "impl Eq for http_session::x::Finding",
            "impl From<A> for Value",
            "impl Hash for http_session::x::A",
            "impl Hash for http_session::x::Finding",
            "impl PartialEq for http_session::x::A",
            "impl PartialEq for http_session::x::Finding",
            "impl std::fmt::Debug for http_session::x::C",
            "impl std::fmt::Display for http_session::x::A",
            "impl std::fmt::Display for http_session::x::Finding",
            "impl<T> std::fmt::Debug for http_session::x::E<T>",
            "macro_rules! redacted { ($ name: ident) => { impl Debug for $ name { } } }",
            "mod http_session::x",
            "struct http_session::x::C",
            "struct http_session::x::E<T>",
        ]
    );
    let foreign: Vec<&str> = listing.foreign.iter().map(String::as_str).collect();
    assert_eq!(
        foreign,
        [
            "time in http_session::x::B.b: Option<time::Date>",
            "time in http_session::x::B::const fn new(a: u8, b: Option<time::Date>) -> Self",
        ]
    );
}

#[test]
fn the_check_finds_foreign_crates() {
    let source = "
        use hmac::{Hmac, Mac as Renamed};
        use std::fmt;
        pub struct A { pub field: Hmac<u8>, private: sha2::Sha256 }
        pub enum B { One(base64::Engine), Two(http::HeaderValue) }
        pub fn c<T: subtle::Choice>(x: &fmt::Formatter<'_>) -> T {}
        fn hidden(x: sha2::Sha256) {}
        impl A {
            pub fn d(&self) -> impl Renamed {}
            pub(crate) fn hidden(x: sha2::Sha256) {}
            fn hidden_too(x: sha2::Sha256) {}
        }
        impl From<time::Date> for A { fn from(date: time::Date) -> Self {} }
        #[cfg(test)]
        pub fn test(x: sha2::Sha256) {}
    ";
    let module = Module::parse("x", true, source);
    let listing = Listing::of(&[module], &BTreeMap::new());
    let foreign: Vec<&str> = listing.foreign.iter().map(String::as_str).collect();
    assert_eq!(
        foreign,
        [
            "base64 in http_session::x::B::One(base64::Engine)",
            "hmac in http_session::x::A.field: Hmac<u8>",
            "hmac in http_session::x::A::fn d(&self) -> impl Renamed",
            "subtle in fn http_session::x::c<T: subtle::Choice>(x: &fmt::Formatter<'_>) -> T",
            "time in impl From<time::Date> for http_session::x::A",
        ]
    );
}
