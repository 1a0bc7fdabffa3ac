//! Compile-time proof of layouts.

/// Proves at compile time that `$ty` is exactly the listed fields, with no padding.
///
/// The destructuring is exhaustive, so a field that is missing here is a compile error. The sum
/// rejects padding, which would be uninitialised bytes crossing the kernel boundary.
macro_rules! exact_layout {
    ($ty:ident { $($field:ident: $field_ty:ty),+ $(,)? }) => {
        const _: () = {
            const fn fields(value: $ty) -> ($($field_ty,)+) {
                let $ty { $($field),+ } = value;
                ($($field,)+)
            }
            let _ = fields;
            assert!(size_of::<$ty>() == 0 $(+ size_of::<$field_ty>())+);
        };
    };
}
pub(crate) use exact_layout;
