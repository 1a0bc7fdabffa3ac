//! Storage that lives and dies with a socket or a task.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ptr;

use aya_ebpf::bindings::bpf_map_type::{BPF_MAP_TYPE_SK_STORAGE, BPF_MAP_TYPE_TASK_STORAGE};
use aya_ebpf::bindings::{BPF_F_CLONE, BPF_F_NO_PREALLOC, bpf_map_def, bpf_sock, task_struct};
use aya_ebpf::helpers::generated::{bpf_sk_storage_get, bpf_task_storage_get};

/// A value of type `T` for each socket that was given one.
#[repr(transparent)]
#[expect(missing_debug_implementations, reason = "nothing of it can be shown")]
pub struct SocketStorage<T> {
    /// In a cell, so that it lies where the other maps' definitions do.
    definition: UnsafeCell<bpf_map_def>,
    _value: PhantomData<T>,
}

// SAFETY: the definition is read by the loader alone; the kernel synchronises access.
unsafe impl<T: Sync> Sync for SocketStorage<T> {}

impl<T: Copy> SocketStorage<T> {
    #[expect(clippy::new_without_default, reason = "a static's constructor")]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            definition: UnsafeCell::new(bpf_map_def {
                type_: BPF_MAP_TYPE_SK_STORAGE,
                key_size: size_of::<i32>() as u32,
                value_size: size_of::<T>() as u32,
                max_entries: 0,
                map_flags: BPF_F_NO_PREALLOC | BPF_F_CLONE,
                id: 0,
                pinning: 0,
            }),
            _value: PhantomData,
        }
    }

    /// What `socket` has, if it has something.
    ///
    /// # Safety
    ///
    /// `socket` must be a full socket that is held, or that is the context's own.
    #[inline(always)]
    pub unsafe fn get(&self, socket: *mut bpf_sock) -> Option<T> {
        let map = ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the caller vouches for the socket; without a value nothing is made.
        let found = unsafe { bpf_sk_storage_get(map, socket.cast(), ptr::null_mut(), 0) };
        // SAFETY: what the helper gives is null or a value of this map.
        unsafe { found.cast::<T>().as_ref() }.copied()
    }

    /// Gives `socket` the value unless it has one.
    ///
    /// # Safety
    ///
    /// As for [`SocketStorage::get`].
    #[inline(always)]
    pub unsafe fn give(&self, socket: *mut bpf_sock, mut value: T) {
        let map = ptr::from_ref(self).cast_mut().cast();
        let value = (&raw mut value).cast();
        // SAFETY: the caller vouches for the socket; the kernel copies the value.
        unsafe { bpf_sk_storage_get(map, socket.cast(), value, CREATE) };
    }
}

/// A value of type `T` for each task that was given one.
#[repr(transparent)]
#[expect(missing_debug_implementations, reason = "nothing of it can be shown")]
pub struct TaskStorage<T> {
    /// As above.
    definition: UnsafeCell<bpf_map_def>,
    _value: PhantomData<T>,
}

// SAFETY: as above.
unsafe impl<T: Sync> Sync for TaskStorage<T> {}

impl<T: Copy> TaskStorage<T> {
    #[expect(clippy::new_without_default, reason = "a static's constructor")]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            definition: UnsafeCell::new(bpf_map_def {
                type_: BPF_MAP_TYPE_TASK_STORAGE,
                key_size: size_of::<i32>() as u32,
                value_size: size_of::<T>() as u32,
                max_entries: 0,
                map_flags: BPF_F_NO_PREALLOC,
                id: 0,
                pinning: 0,
            }),
            _value: PhantomData,
        }
    }

    /// What `task` has, if it has something.
    ///
    /// # Safety
    ///
    /// `task` must be the current one, or one that the verifier trusts.
    #[inline(always)]
    pub unsafe fn get(&self, task: *mut task_struct) -> Option<*mut T> {
        let map = ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the caller vouches for the task; without a value nothing is made.
        let found = unsafe { bpf_task_storage_get(map, task, ptr::null_mut(), 0) };
        (!found.is_null()).then_some(found.cast())
    }

    /// Gives `task` the value, whatever it has; tells whether there was room for it.
    ///
    /// # Safety
    ///
    /// As for [`TaskStorage::get`].
    #[inline(always)]
    pub unsafe fn give(&self, task: *mut task_struct, value: T) -> bool {
        let map = ptr::from_ref(self).cast_mut().cast();
        // SAFETY: as above; the value is made if there is none.
        let found = unsafe { bpf_task_storage_get(map, task, ptr::null_mut(), CREATE) };
        if found.is_null() {
            return false;
        }
        // SAFETY: a value of this map.
        unsafe { found.cast::<T>().write(value) };
        true
    }
}

const CREATE: u64 = 1;
