//! The engine's memory: counted, limited, and the peak remembered.
//!
//! An allocation beyond the limit fails, which the engine reports to the contract as an exception that the contract may
//! catch; so the limit's being hit is recorded here, where nothing can hide it.
#![allow(unsafe_code, reason = "an allocator is unsafe to implement; this one only counts and delegates")]

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::{Allocator, RustAllocator};

/// What the engine uses, shared with the realm that watches it.
#[derive(Debug, Default)]
pub struct Memory {
    /// Bytes in use.
    pub used: Cell<usize>,
    /// Highest `used` since the last [`Memory::start`].
    pub peak: Cell<usize>,
    /// Most bytes that may be in use.
    pub limit: Cell<usize>,
    /// An allocation was refused.
    pub refused: Cell<bool>,
}

impl Memory {
    /// Begins a new measurement of the peak.
    pub fn start(&self) {
        self.peak.set(self.used.get());
    }

    fn admit(&self, more: usize) -> bool {
        let fits = self.used.get().checked_add(more).is_some_and(|total| total <= self.limit.get());
        if !fits {
            self.refused.set(true);
        }
        fits
    }

    fn add(&self, bytes: usize) {
        let used = self.used.get().saturating_add(bytes);
        self.used.set(used);
        self.peak.set(self.peak.get().max(used));
    }

    fn remove(&self, bytes: usize) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }
}

/// The allocator of one engine.
pub struct Counted(pub Rc<Memory>);

// SAFETY: every call is answered by `RustAllocator`, which fulfils the contract, or by null, which the contract allows;
// the counting around it touches no pointer but to ask `RustAllocator` for the size of its own allocation.
unsafe impl Allocator for Counted {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        // Sizes beyond this overflow the header arithmetic of the allocator below.
        if size > isize::MAX as usize / 2 || !self.0.admit(size) {
            return std::ptr::null_mut();
        }
        let pointer = RustAllocator.alloc(size);
        if !pointer.is_null() {
            // SAFETY: `pointer` was just allocated by the same allocator.
            self.0.add(unsafe { RustAllocator::usable_size(pointer) });
        }
        pointer
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let fits = count.checked_mul(size).filter(|&total| total <= isize::MAX as usize / 2);
        let Some(total) = fits.filter(|&total| self.0.admit(total)) else {
            self.0.refused.set(true);
            return std::ptr::null_mut();
        };
        let pointer = RustAllocator.calloc(1, total);
        if !pointer.is_null() {
            // SAFETY: `pointer` was just allocated by the same allocator.
            self.0.add(unsafe { RustAllocator::usable_size(pointer) });
        }
        pointer
    }

    unsafe fn dealloc(&mut self, pointer: *mut u8) {
        // SAFETY: the caller promises that `pointer` came from this allocator.
        unsafe {
            self.0.remove(RustAllocator::usable_size(pointer));
            RustAllocator.dealloc(pointer);
        }
    }

    unsafe fn realloc(&mut self, pointer: *mut u8, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `pointer` came from this allocator.
        unsafe {
            let old = RustAllocator::usable_size(pointer);
            if new_size > isize::MAX as usize / 2 || !self.0.admit(new_size.saturating_sub(old)) {
                return std::ptr::null_mut();
            }
            let moved = RustAllocator.realloc(pointer, new_size);
            if !moved.is_null() {
                self.0.remove(old);
                self.0.add(RustAllocator::usable_size(moved));
            }
            moved
        }
    }

    unsafe fn usable_size(pointer: *mut u8) -> usize {
        // SAFETY: the caller promises that `pointer` came from this allocator.
        unsafe { RustAllocator::usable_size(pointer) }
    }
}
