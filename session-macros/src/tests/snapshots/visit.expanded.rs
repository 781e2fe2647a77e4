/// The accessors of `Visit`, which `TypedSession<Visit>` dereferences to.
struct VisitAccessors {
    __session: ::session_axum::__private::View,
}
#[automatically_derived]
impl ::core::clone::Clone for VisitAccessors {
    fn clone(&self) -> Self {
        Self {
            __session: ::core::clone::Clone::clone(&self.__session),
        }
    }
}
#[automatically_derived]
impl ::core::fmt::Debug for VisitAccessors {
    fn fmt(&self, __f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::write_str(__f, "VisitAccessors { .. }")
    }
}
impl VisitAccessors {
    const __field_count: &'static ::session_axum::__private::TypedField<u64> = &::session_axum::__private::Field::new(
            "count",
        )
        .typed::<u64>();
    const __field_name: &'static ::session_axum::__private::TypedField<Option<String>> = &::session_axum::__private::Field::new(
            "name",
        )
        .none_is_absent()
        .typed::<Option<String>>();
    fn __read_count(__reader: &::session_axum::__private::Reader<'_>) -> u64 {
        ::session_axum::__private::Reader::field::<
            u64,
        >(__reader, Self::__field_count, || <u64 as ::core::default::Default>::default())
    }
    fn __read_name(__reader: &::session_axum::__private::Reader<'_>) -> Option<String> {
        ::session_axum::__private::Reader::field::<
            Option<String>,
        >(
            __reader,
            Self::__field_name,
            || <Option<String> as ::core::default::Default>::default(),
        )
    }
    /// How often this visitor came.
    #[must_use]
    fn count(&self) -> u64 {
        ::session_axum::__private::View::reading(&self.__session, Self::__read_count)
    }
    /// Sets `count`.
    ///
    /// How often this visitor came.
    fn set_count(&self, value: u64) {
        ::session_axum::__private::View::set::<
            u64,
        >(&self.__session, Self::__field_count, &value)
    }
    /// Removes `count`, which then reads as its default.
    ///
    /// How often this visitor came.
    fn remove_count(&self) {
        ::session_axum::__private::View::unset(
            &self.__session,
            &Self::__field_count.field,
        )
    }
    /// The session's `name`.
    #[must_use]
    fn name(&self) -> Option<String> {
        ::session_axum::__private::View::reading(&self.__session, Self::__read_name)
    }
    /// Sets `name`.
    fn set_name(&self, value: Option<String>) {
        ::session_axum::__private::View::set::<
            Option<String>,
        >(&self.__session, Self::__field_name, &value)
    }
    /// Removes `name`, which then reads as its default.
    fn remove_name(&self) {
        ::session_axum::__private::View::unset(
            &self.__session,
            &Self::__field_name.field,
        )
    }
    /// Takes `name` out of the session.
    fn take_name(&self) -> Option<String> {
        ::session_axum::__private::View::take::<
            Option<String>,
        >(
            &self.__session,
            Self::__field_name,
            || <Option<String> as ::core::default::Default>::default(),
        )
    }
}
#[automatically_derived]
impl ::session_axum::SessionData for Visit {
    type Accessors = VisitAccessors;
    const FIELDS: &'static [::session_axum::__private::Field] = &[
        VisitAccessors::__field_count.field,
        VisitAccessors::__field_name.field,
    ];
    fn accessors(
        __session: ::session_axum::__private::View,
    ) -> ::core::result::Result<Self::Accessors, ::session_axum::__private::FieldError> {
        ::core::result::Result::Ok(VisitAccessors {
            __session: __session,
        })
    }
    fn state(__accessors: &Self::Accessors) -> Self {
        ::session_axum::__private::View::reading(
            &__accessors.__session,
            |__reader| Self {
                count: VisitAccessors::__read_count(__reader),
                name: VisitAccessors::__read_name(__reader),
            },
        )
    }
    fn read(
        __reader: &::session_axum::__private::Reader<'_>,
    ) -> ::core::result::Result<Self, ::session_axum::__private::FieldError> {
        ::core::result::Result::Ok(Self {
            count: VisitAccessors::__read_count(__reader),
            name: VisitAccessors::__read_name(__reader),
        })
    }
    fn write(&self, __writer: &mut ::session_axum::__private::Writer) {
        ::session_axum::__private::Writer::field::<
            u64,
        >(__writer, VisitAccessors::__field_count, &self.count);
        ::session_axum::__private::Writer::field::<
            Option<String>,
        >(__writer, VisitAccessors::__field_name, &self.name);
    }
}
