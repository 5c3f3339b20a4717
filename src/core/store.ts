/**
 * Names a store: two vendors with the same identity write to the same place and can do so in one
 * atomic step. Compared by `===`; for files it is made of device and inode, so that two paths to
 * one file are one.
 */
export type StoreIdentity = string
