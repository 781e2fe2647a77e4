/// The accessors of `Shop`, which `TypedSession<Shop>` dereferences to.
pub struct ShopAccessors {
    __session: framework::session::__private::View,
    __last_user_id: framework::session::__private::Last<u64>,
    __last_since: framework::session::__private::Last<String>,
}
#[automatically_derived]
impl ::core::clone::Clone for ShopAccessors {
    fn clone(&self) -> Self {
        Self {
            __session: ::core::clone::Clone::clone(&self.__session),
            __last_user_id: ::core::clone::Clone::clone(&self.__last_user_id),
            __last_since: ::core::clone::Clone::clone(&self.__last_since),
        }
    }
}
#[automatically_derived]
impl ::core::fmt::Debug for ShopAccessors {
    fn fmt(&self, __f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::write_str(__f, "ShopAccessors { .. }")
    }
}
impl ShopAccessors {
    const __field_since: &'static framework::session::__private::TypedField<String> = &framework::session::__private::Field::new(
            "shop.since",
        )
        .typed::<String>();
    const __field_language: &'static framework::session::__private::TypedField<String> = &framework::session::__private::Field::new(
            "shop.lang",
        )
        .aliases(&["shop.locale"])
        .keep()
        .typed::<String>();
    const __field_basket: &'static framework::session::__private::TypedField<Vec<u64>> = &framework::session::__private::Field::new(
            "shop.basket",
        )
        .typed::<Vec<u64>>();
    const __field_notice: &'static framework::session::__private::TypedField<
        Option<String>,
    > = &framework::session::__private::Field::new("shop.notice")
        .none_is_absent()
        .typed::<Option<String>>();
    fn __read_user_id(
        &self,
        __reader: &framework::session::__private::Reader<'_>,
    ) -> u64 {
        framework::session::__private::Reader::last_owner::<
            u64,
        >(__reader, &self.__last_user_id)
    }
    fn __read_since(
        &self,
        __reader: &framework::session::__private::Reader<'_>,
    ) -> String {
        framework::session::__private::Reader::last::<
            String,
        >(__reader, Self::__field_since, &self.__last_since)
    }
    fn __read_language(__reader: &framework::session::__private::Reader<'_>) -> String {
        framework::session::__private::Reader::field::<
            String,
        >(__reader, Self::__field_language, || (ShopAccessors::__default_language)())
    }
    fn __read_basket(__reader: &framework::session::__private::Reader<'_>) -> Vec<u64> {
        framework::session::__private::Reader::field::<
            Vec<u64>,
        >(
            __reader,
            Self::__field_basket,
            || <Vec<u64> as ::core::default::Default>::default(),
        )
    }
    fn __read_notice(
        __reader: &framework::session::__private::Reader<'_>,
    ) -> Option<String> {
        framework::session::__private::Reader::field::<
            Option<String>,
        >(
            __reader,
            Self::__field_notice,
            || <Option<String> as ::core::default::Default>::default(),
        )
    }
    /// The session's `user_id`.
    #[must_use]
    pub fn user_id(&self) -> u64 {
        framework::session::__private::View::reading(
            &self.__session,
            |__reader| self.__read_user_id(__reader),
        )
    }
    /// Sets `user_id`.
    pub fn set_user_id(&self, value: u64) {
        framework::session::__private::View::set_required_owner::<
            u64,
        >(&self.__session, value, &self.__last_user_id)
    }
    /// The session's `since`.
    #[must_use]
    pub fn since(&self) -> String {
        framework::session::__private::View::reading(
            &self.__session,
            |__reader| self.__read_since(__reader),
        )
    }
    /// Sets `since`.
    pub fn set_since(&self, value: String) {
        framework::session::__private::View::set_required::<
            String,
        >(&self.__session, Self::__field_since, value, &self.__last_since)
    }
    /// The session's `language`.
    #[must_use]
    pub fn language(&self) -> String {
        framework::session::__private::View::reading(
            &self.__session,
            Self::__read_language,
        )
    }
    /// Sets `language`.
    pub fn set_language(&self, value: String) {
        framework::session::__private::View::set::<
            String,
        >(&self.__session, Self::__field_language, &value)
    }
    /// Removes `language`, which then reads as its default.
    pub fn remove_language(&self) {
        framework::session::__private::View::unset(
            &self.__session,
            &Self::__field_language.field,
        )
    }
    /// The session's `basket`.
    #[must_use]
    pub fn basket(&self) -> Vec<u64> {
        framework::session::__private::View::reading(
            &self.__session,
            Self::__read_basket,
        )
    }
    /// Sets `basket`.
    pub fn set_basket(&self, value: Vec<u64>) {
        framework::session::__private::View::set::<
            Vec<u64>,
        >(&self.__session, Self::__field_basket, &value)
    }
    /// Removes `basket`, which then reads as its default.
    pub fn remove_basket(&self) {
        framework::session::__private::View::unset(
            &self.__session,
            &Self::__field_basket.field,
        )
    }
    /// The session's `notice`, which reading removes.
    pub fn message(&self) -> Option<String> {
        framework::session::__private::View::take::<
            Option<String>,
        >(
            &self.__session,
            Self::__field_notice,
            || <Option<String> as ::core::default::Default>::default(),
        )
    }
    /// Sets `notice`.
    pub fn set_message(&self, value: Option<String>) {
        framework::session::__private::View::set::<
            Option<String>,
        >(&self.__session, Self::__field_notice, &value)
    }
    /// Removes `notice`, which then reads as its default.
    pub fn remove_message(&self) {
        framework::session::__private::View::unset(
            &self.__session,
            &Self::__field_notice.field,
        )
    }
    /// Takes `notice` out of the session.
    pub fn take_message(&self) -> Option<String> {
        framework::session::__private::View::take::<
            Option<String>,
        >(
            &self.__session,
            Self::__field_notice,
            || <Option<String> as ::core::default::Default>::default(),
        )
    }
}
#[automatically_derived]
impl framework::session::SessionData for Shop {
    type Accessors = ShopAccessors;
    const FIELDS: &'static [framework::session::__private::Field] = &[
        ShopAccessors::__field_since.field,
        ShopAccessors::__field_language.field,
        ShopAccessors::__field_basket.field,
        ShopAccessors::__field_notice.field,
    ];
    fn accessors(
        __session: framework::session::__private::View,
    ) -> ::core::result::Result<
        Self::Accessors,
        framework::session::__private::FieldError,
    > {
        framework::session::__private::View::strict::<
            Vec<u64>,
        >(&__session, ShopAccessors::__field_basket)?;
        ::core::result::Result::Ok(ShopAccessors {
            __last_user_id: framework::session::__private::View::required_owner::<
                u64,
            >(&__session, "user_id")?,
            __last_since: framework::session::__private::View::required::<
                String,
            >(&__session, ShopAccessors::__field_since)?,
            __session: __session,
        })
    }
    fn state(__accessors: &Self::Accessors) -> Self {
        framework::session::__private::View::reading(
            &__accessors.__session,
            |__reader| Self {
                user_id: ShopAccessors::__read_user_id(__accessors, __reader),
                since: ShopAccessors::__read_since(__accessors, __reader),
                language: ShopAccessors::__read_language(__reader),
                basket: ShopAccessors::__read_basket(__reader),
                notice: ShopAccessors::__read_notice(__reader),
                cache: <Cache as ::core::default::Default>::default(),
            },
        )
    }
    fn read(
        __reader: &framework::session::__private::Reader<'_>,
    ) -> ::core::result::Result<Self, framework::session::__private::FieldError> {
        ::core::result::Result::Ok(Self {
            user_id: framework::session::__private::Reader::required_owner::<
                u64,
            >(__reader, "user_id")?,
            since: framework::session::__private::Reader::required::<
                String,
            >(__reader, ShopAccessors::__field_since)?,
            language: ShopAccessors::__read_language(__reader),
            basket: framework::session::__private::Reader::strict::<
                Vec<u64>,
            >(
                __reader,
                ShopAccessors::__field_basket,
                || <Vec<u64> as ::core::default::Default>::default(),
            )?,
            notice: ShopAccessors::__read_notice(__reader),
            cache: <Cache as ::core::default::Default>::default(),
        })
    }
    fn write(&self, __writer: &mut framework::session::__private::Writer) {
        framework::session::__private::Writer::owner::<
            u64,
        >(__writer, ::core::option::Option::Some(&self.user_id));
        framework::session::__private::Writer::field::<
            String,
        >(__writer, ShopAccessors::__field_since, &self.since);
        framework::session::__private::Writer::field::<
            String,
        >(__writer, ShopAccessors::__field_language, &self.language);
        framework::session::__private::Writer::field::<
            Vec<u64>,
        >(__writer, ShopAccessors::__field_basket, &self.basket);
        framework::session::__private::Writer::field::<
            Option<String>,
        >(__writer, ShopAccessors::__field_notice, &self.notice);
    }
}
impl ShopAccessors {
    const __default_language: fn() -> String = || Shop::LANG.to_owned();
}
