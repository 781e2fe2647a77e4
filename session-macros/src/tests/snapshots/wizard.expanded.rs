/// The accessors of `Wizard`, which `TypedSession<Wizard>` dereferences to.
pub(crate) struct WizardAccessors<S: Step = First, const PAGES: usize = 3>
where
    S::Answer: Clone,
{
    __session: ::session_axum::__private::View,
    __last_step: ::session_axum::__private::Last<S>,
    __marker: ::core::marker::PhantomData<fn() -> Wizard<S, PAGES>>,
}
#[automatically_derived]
impl<S: Step, const PAGES: usize> ::core::clone::Clone for WizardAccessors<S, PAGES>
where
    S::Answer: Clone,
{
    fn clone(&self) -> Self {
        Self {
            __session: ::core::clone::Clone::clone(&self.__session),
            __last_step: ::core::clone::Clone::clone(&self.__last_step),
            __marker: ::core::clone::Clone::clone(&self.__marker),
        }
    }
}
#[automatically_derived]
impl<S: Step, const PAGES: usize> ::core::fmt::Debug for WizardAccessors<S, PAGES>
where
    S::Answer: Clone,
{
    fn fmt(&self, __f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::write_str(__f, "WizardAccessors { .. }")
    }
}
impl<S: Step, const PAGES: usize> WizardAccessors<S, PAGES>
where
    S::Answer: Clone,
    S: 'static,
    [S::Answer; PAGES]: ::session_axum::__private::Serialize
        + ::session_axum::__private::DeserializeOwned + ::core::default::Default,
    S: ::session_axum::__private::Serialize + ::session_axum::__private::DeserializeOwned
        + ::core::clone::Clone + ::core::marker::Send,
{
    const __field_answers: &'static ::session_axum::__private::TypedField<
        [S::Answer; PAGES],
    > = &::session_axum::__private::Field::new("answers").typed::<[S::Answer; PAGES]>();
    const __field_step: &'static ::session_axum::__private::TypedField<S> = &::session_axum::__private::Field::new(
            "step",
        )
        .typed::<S>();
    fn __read_answers(
        __reader: &::session_axum::__private::Reader<'_>,
    ) -> [S::Answer; PAGES] {
        ::session_axum::__private::Reader::field::<
            [S::Answer; PAGES],
        >(
            __reader,
            Self::__field_answers,
            || <[S::Answer; PAGES] as ::core::default::Default>::default(),
        )
    }
    fn __read_step(&self, __reader: &::session_axum::__private::Reader<'_>) -> S {
        ::session_axum::__private::Reader::last::<
            S,
        >(__reader, Self::__field_step, &self.__last_step)
    }
    /// The session's `user`.
    #[must_use]
    pub(crate) fn user(&self) -> Option<String> {
        ::session_axum::__private::View::get_owner::<String>(&self.__session)
    }
    /// Sets `user`.
    pub(crate) fn set_user(&self, value: Option<String>) {
        ::session_axum::__private::View::put_owner::<
            String,
        >(&self.__session, ::core::option::Option::as_ref(&value))
    }
    /// Removes `user`, so that the session has no owner.
    pub(crate) fn remove_user(&self) {
        ::session_axum::__private::View::put_owner::<
            String,
        >(&self.__session, ::core::option::Option::None)
    }
    /// Takes `user` out of the session.
    pub(crate) fn take_user(&self) -> Option<String> {
        ::session_axum::__private::View::take_owner::<
            String,
        >(
            &self.__session,
            || ::session_axum::__private::View::get_owner::<String>(&self.__session),
        )
    }
    /// The session's `answers`.
    #[must_use]
    pub(crate) fn answers(&self) -> [S::Answer; PAGES] {
        ::session_axum::__private::View::reading(&self.__session, Self::__read_answers)
    }
    /// Sets `answers`.
    pub(crate) fn set_answers(&self, value: [S::Answer; PAGES]) {
        ::session_axum::__private::View::set::<
            [S::Answer; PAGES],
        >(&self.__session, Self::__field_answers, &value)
    }
    /// Removes `answers`, which then reads as its default.
    pub(crate) fn remove_answers(&self) {
        ::session_axum::__private::View::unset(
            &self.__session,
            &Self::__field_answers.field,
        )
    }
    /// The session's `step`.
    #[must_use]
    pub(crate) fn step(&self) -> S {
        ::session_axum::__private::View::reading(
            &self.__session,
            |__reader| self.__read_step(__reader),
        )
    }
    /// Sets `step`.
    pub(crate) fn set_step(&self, value: S) {
        ::session_axum::__private::View::set_required::<
            S,
        >(&self.__session, Self::__field_step, value, &self.__last_step)
    }
}
#[automatically_derived]
impl<S: Step, const PAGES: usize> ::session_axum::SessionData for Wizard<S, PAGES>
where
    S::Answer: Clone,
    S: 'static,
    [S::Answer; PAGES]: ::session_axum::__private::Serialize
        + ::session_axum::__private::DeserializeOwned + ::core::default::Default,
    S: ::session_axum::__private::Serialize + ::session_axum::__private::DeserializeOwned
        + ::core::clone::Clone + ::core::marker::Send,
{
    type Accessors = WizardAccessors<S, PAGES>;
    const FIELDS: &'static [::session_axum::__private::Field] = &[
        WizardAccessors::<S, PAGES>::__field_answers.field,
        WizardAccessors::<S, PAGES>::__field_step.field,
    ];
    fn accessors(
        __session: ::session_axum::__private::View,
    ) -> ::core::result::Result<Self::Accessors, ::session_axum::__private::FieldError> {
        ::core::result::Result::Ok(WizardAccessors {
            __last_step: ::session_axum::__private::View::required::<
                S,
            >(&__session, WizardAccessors::<S, PAGES>::__field_step)?,
            __session: __session,
            __marker: ::core::marker::PhantomData,
        })
    }
    fn state(__accessors: &Self::Accessors) -> Self {
        ::session_axum::__private::View::reading(
            &__accessors.__session,
            |__reader| Self {
                user: ::session_axum::__private::Reader::owner::<String>(__reader),
                answers: WizardAccessors::<S, PAGES>::__read_answers(__reader),
                step: WizardAccessors::<S, PAGES>::__read_step(__accessors, __reader),
            },
        )
    }
    fn read(
        __reader: &::session_axum::__private::Reader<'_>,
    ) -> ::core::result::Result<Self, ::session_axum::__private::FieldError> {
        ::core::result::Result::Ok(Self {
            user: ::session_axum::__private::Reader::owner::<String>(__reader),
            answers: WizardAccessors::<S, PAGES>::__read_answers(__reader),
            step: ::session_axum::__private::Reader::required::<
                S,
            >(__reader, WizardAccessors::<S, PAGES>::__field_step)?,
        })
    }
    fn write(&self, __writer: &mut ::session_axum::__private::Writer) {
        ::session_axum::__private::Writer::owner::<
            String,
        >(__writer, ::core::option::Option::as_ref(&self.user));
        ::session_axum::__private::Writer::field::<
            [S::Answer; PAGES],
        >(__writer, WizardAccessors::<S, PAGES>::__field_answers, &self.answers);
        ::session_axum::__private::Writer::field::<
            S,
        >(__writer, WizardAccessors::<S, PAGES>::__field_step, &self.step);
    }
}
