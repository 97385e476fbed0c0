"""What barcode scanners send."""
