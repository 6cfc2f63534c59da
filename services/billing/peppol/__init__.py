"""E-invoices for Peppol BIS Billing 3.0: written from plain values, validated before they leave."""
