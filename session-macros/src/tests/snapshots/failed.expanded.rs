::core::compile_error! {
    "unknown attribute `defualt`: expected one of `rename`, `alias`, `default`, `required`, `strict`, `owner`, `keep`, `accessor`, `flash`, `skip`"
}
::core::compile_error! {
    "`count` is an accessor of the field `count` already: choose other names with `#[session(accessor = \"..\")]`"
}
/// The accessors of `Visit`, which `TypedSession<Visit>` dereferences to.
struct VisitAccessors {}
#[automatically_derived]
impl ::core::clone::Clone for VisitAccessors {
    fn clone(&self) -> Self {
        Self {}
    }
}
#[automatically_derived]
impl ::core::fmt::Debug for VisitAccessors {
    fn fmt(&self, __f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::write_str(__f, "VisitAccessors { .. }")
    }
}
impl VisitAccessors {
    /// The session's `count`.
    #[must_use]
    fn count(&self) -> u64 {
        ::core::unreachable!()
    }
    /// Sets `count`.
    fn set_count(&self, value: u64) {
        ::core::unreachable!()
    }
    /// Removes `count`, which then reads as its default.
    fn remove_count(&self) {
        ::core::unreachable!()
    }
    /// The session's `name`.
    #[must_use]
    fn name(&self) -> Option<String> {
        ::core::unreachable!()
    }
    /// Sets `name`.
    fn set_name(&self, value: Option<String>) {
        ::core::unreachable!()
    }
    /// Removes `name`, which then reads as its default.
    fn remove_name(&self) {
        ::core::unreachable!()
    }
    /// Takes `name` out of the session.
    fn take_name(&self) -> Option<String> {
        ::core::unreachable!()
    }
}
#[automatically_derived]
impl ::session_axum::SessionData for Visit {
    type Accessors = VisitAccessors;
    const FIELDS: &'static [::session_axum::__private::Field] = &[];
    fn accessors(
        _: ::session_axum::__private::View,
    ) -> ::core::result::Result<Self::Accessors, ::session_axum::__private::FieldError> {
        ::core::unreachable!()
    }
    fn state(_: &Self::Accessors) -> Self {
        ::core::unreachable!()
    }
    fn read(
        _: &::session_axum::__private::Reader<'_>,
    ) -> ::core::result::Result<Self, ::session_axum::__private::FieldError> {
        ::core::unreachable!()
    }
    fn write(&self, _: &mut ::session_axum::__private::Writer) {}
}
