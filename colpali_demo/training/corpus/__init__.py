"""What pages are made of, and where it comes from: packages of Debian, text, fonts, frequent words."""
