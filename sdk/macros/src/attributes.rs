//! Reading doc comments and the derives' own attributes.

use syn::{
    Attribute, Data, DataStruct, DeriveInput, Expr, ExprLit, Field, Fields, Ident, Lit, LitStr, Meta, Result,
    Token, ext::IdentExt, punctuated::Punctuated, spanned::Spanned,
};

/// The doc comment, its lines joined to one.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The named fields of a struct.
pub(crate) fn fields<'a>(
    input: &'a DeriveInput,
    derive: &str,
) -> Result<Vec<(&'a Ident, String, &'a Field)>> {
    let Data::Struct(DataStruct { fields: Fields::Named(fields), .. }) = &input.data else {
        return Err(syn::Error::new(
            input.span(),
            format!("{derive} can only be derived for a struct with named fields"),
        ));
    };
    let named =
        |field: &'a Field| field.ident.as_ref().map(|ident| (ident, ident.unraw().to_string(), field));
    Ok(fields.named.iter().filter_map(named).collect())
}

/// What the attributes of a row's field say.
#[derive(Default)]
pub(crate) struct RowField {
    pub(crate) flatten: bool,
    pub(crate) show: Vec<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) width: Option<Expr>,
    pub(crate) right: bool,
    pub(crate) hidden: bool,
    pub(crate) skip: bool,
}

impl RowField {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut all = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("row") {
                attribute.parse_nested_meta(|meta| {
                    if meta.path.is_ident("flatten") {
                        all.flatten = true;
                    } else if meta.path.is_ident("show") {
                        let names;
                        syn::parenthesized!(names in meta.input);
                        all.show.extend(Punctuated::<LitStr, Token![,]>::parse_terminated(&names)?);
                    } else {
                        return Err(meta.error("unknown: wanted `flatten` or `show(\"field\", ...)`"));
                    }
                    Ok(())
                })?;
            } else if attribute.path().is_ident("column") {
                attribute.parse_nested_meta(|meta| {
                    if meta.path.is_ident("title") {
                        all.title = Some(meta.value()?.parse()?);
                    } else if meta.path.is_ident("width") {
                        all.width = Some(meta.value()?.parse()?);
                    } else if meta.path.is_ident("right") {
                        all.right = true;
                    } else if meta.path.is_ident("hidden") {
                        all.hidden = true;
                    } else if meta.path.is_ident("skip") {
                        all.skip = true;
                    } else {
                        return Err(
                            meta.error("unknown: wanted `title`, `width`, `right`, `hidden` or `skip`")
                        );
                    }
                    Ok(())
                })?;
            }
        }
        Ok(all)
    }
}

/// What the attributes of a parameter say.
#[derive(Default)]
pub(crate) struct Param {
    pub(crate) default: Option<Expr>,
    pub(crate) required: bool,
    pub(crate) nullable: bool,
    pub(crate) min: Option<Expr>,
    pub(crate) max: Option<Expr>,
}

impl Param {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut all = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("param")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("default") {
                    all.default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("required") {
                    all.required = true;
                } else if meta.path.is_ident("nullable") {
                    all.nullable = true;
                } else if meta.path.is_ident("min") {
                    all.min = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("max") {
                    all.max = Some(meta.value()?.parse()?);
                } else {
                    return Err(
                        meta.error("unknown: wanted `default`, `required`, `nullable`, `min` or `max`")
                    );
                }
                Ok(())
            })?;
            if all.required && all.default.is_some() {
                return Err(syn::Error::new(
                    attribute.span(),
                    "a parameter that is required needs no default",
                ));
            }
        }
        Ok(all)
    }
}
