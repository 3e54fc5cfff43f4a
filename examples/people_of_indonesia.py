"""Invented names: given and family names of many regions, paired at random."""

from __future__ import annotations

JAVANESE = (
    ("Bagus", "Dwi", "Endah", "Eko", "Galih", "Hesti", "Joko", "Lestari", "Ratih", "Sekar", "Slamet", "Sri", "Tri", "Wahyu", "Yuni"),
    ("Pratama", "Hartono", "Kusuma", "Nugroho", "Prasetyo", "Rahayu", "Santoso", "Setiawan", "Susanti", "Utomo", "Wibowo", "Widodo"),
)
SUNDANESE = (
    ("Asep", "Cecep", "Dadang", "Euis", "Iis", "Neng Rina", "Ujang", "Tatang", "Teti", "Yayan"),
    ("Gunawan", "Hidayat", "Komariah", "Mulyana", "Permana", "Rohaeti", "Sudrajat", "Suryana", "Wiguna"),
)
BATAK = (
    ("Binsar", "Duma", "Hotman", "Lamhot", "Mangasi", "Rosintan", "Saut", "Tiurma", "Togar"),
    ("Hutapea", "Lubis", "Nainggolan", "Panjaitan", "Siahaan", "Simanjuntak", "Sinaga", "Siregar", "Tampubolon"),
)
MINANG = (
    ("Afdal", "Fitri", "Hendri", "Irwan", "Nila", "Rahmi", "Syafril", "Upik", "Yulia"),
    ("Caniago", "Chaniago", "Koto", "Piliang", "Sikumbang", "Tanjung", "Jambak"),
)
BALINESE = (
    ("I Gede", "I Ketut", "I Made", "I Nyoman", "I Wayan", "Ni Ketut", "Ni Luh", "Ni Made", "Ni Nyoman", "Ni Putu"),
    ("Adnyana", "Ariani", "Astawa", "Lestari", "Mahendra", "Parwati", "Sudana", "Suryani", "Wirawan", "Widiasih"),
)
BUGIS = (
    ("Andi Baso", "Andi Tenri", "Daeng Rala", "Besse", "Muh. Arfah", "Nurhayati", "Syamsul"),
    ("Mappanyukki", "Mattalatta", "Pangerang", "Rauf", "Tahir", "Yusuf"),
)
CHINESE_INDONESIAN = (
    ("Budi", "Cynthia", "Felicia", "Hendra", "Kevin", "Lily", "Michael", "Stefanie", "Willy", "Yohan"),
    ("Gunadi", "Halim", "Kurniawan", "Liem", "Salim", "Setiabudi", "Sutanto", "Tan", "Tanuwijaya", "Wijaya"),
)
EASTERN = (
    ("André", "Barbara", "Yosé", "Frans", "Renée", "Maria", "Noël", "Theófilo", "Yance", "Inês"),
    ("Wowor", "Latuheru", "Pattiasina", "Rumbiak", "Ximenes", "Kaisiëpo", "Manuhutu", "Lontoh", "Wenda", "Araújo"),
)
ACEH_MALAY = (
    ("Cut Nurlaila", "Teuku Faisal", "Muhammad Iqbal", "Nur'aini", "Siti Aminah", "Zulkifli", "Fatimah"),
    ("Daud", "Ibrahim", "Ismail", "Usman", "Hasan", "Abdullah", "Syah"),
)
REGIONS = (JAVANESE, SUNDANESE, BATAK, MINANG, BALINESE, BUGIS, CHINESE_INDONESIAN, EASTERN, ACEH_MALAY)
SHARES = (36, 14, 9, 6, 6, 6, 10, 6, 7)
OVERSEAS = (
    ("Amelia", "Daniel", "Grace", "James", "Olivia", "Priya", "Rachel", "Thomas", "Wei Ling", "Zoë"),
    ("Anderson", "Chua", "Fernández", "Kumar", "Lim", "Müller", "O'Brien", "Smith", "Tan", "Walker"),
)
CITIES = {
    "": ("Jakarta", "Bandung", "Surabaya", "Semarang", "Yogyakarta", "Medan", "Padang", "Palembang", "Bogor", "Tangerang"),
    "WITA": ("Denpasar", "Makassar", "Manado", "Balikpapan", "Mataram", "Kupang"),
    "WIT": ("Jayapura", "Ambon", "Sorong", "Ternate"),
}
